# exercise: price
# slip: beta on the divergence only
# says: beta multiplies the whole KL to the prior: MI_q is half of it.
# source: compare beta-TCVAE (Chen et al. 2018), where halves are weighed apart
price = {"kl_aggregate": "beta - 1"}
