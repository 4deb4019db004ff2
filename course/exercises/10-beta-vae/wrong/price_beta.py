# exercise: price
# slip: beta for beta - 1
# says: You have the whole of the beta-VAE's term. The VAE's own is to be taken off: at beta = 1 nothing is left.
# source: seen in teaching
price = {"mi_q": "beta", "kl_aggregate": "beta"}
