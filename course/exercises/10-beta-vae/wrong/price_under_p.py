# exercise: price
# slip: MI under p
# says: The loss is a mean under q(x, z), and so is its mutual information: mi_q.
# source: lecture 12, 'InfoVAE': the slide defines its MI under p
price = {"mi_p": "beta - 1", "kl_aggregate": "beta - 1"}
