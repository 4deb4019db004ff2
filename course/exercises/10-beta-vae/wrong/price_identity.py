# exercise: price
# slip: the decoder's share taken off
# says: In the full identity the decoder pays one MI_q back; in this difference the decoders cancel.
# source: lecture 12, 'beta-VAE', its identity read for another question
price = {"mi_q": "beta - 1", "kl_aggregate": "beta"}
