# exercise: price
# slip: sign turned
# says: This page minimises: beta above 1 makes the loss larger, so information costs.
# source: lecture 12, section 11: the weights of a minimised Lagrangian
price = {"mi_q": "1 - beta", "kl_aggregate": "1 - beta"}
