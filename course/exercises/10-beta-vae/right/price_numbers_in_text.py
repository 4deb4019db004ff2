# exercise: price
# how: coefficients as other expressions of beta
price = {"kl_aggregate": "-1 + 1*beta", "mi_q": "(beta**2 - 1) / (beta + 1)"}
