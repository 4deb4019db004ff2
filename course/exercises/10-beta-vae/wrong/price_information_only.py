# exercise: price
# slip: beta on the information only
# says: beta multiplies the whole KL to the prior: both its halves, not only MI_q.
# source: lecture 12, 'beta-VAE': 'penalises mutual information' read as the only change
price = {"mi_q": "beta - 1"}
