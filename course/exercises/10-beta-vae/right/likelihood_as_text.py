# exercise: likelihood
# how: every coefficient a text
likelihood = {"log_likelihood": "-1", "kl_posterior": "1", "mi_q": "-(1 - beta)", "kl_aggregate": "beta - 1"}
