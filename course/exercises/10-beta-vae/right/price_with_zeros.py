# exercise: price
# how: every term named, those that do not occur with coefficient 0
price = {"mi_q": "beta - 1", "mi_p": 0, "kl_aggregate": "beta - 1", "kl_aggregate_reverse": 0.0}
