# exercise: price
# slip: KL the other way round
# says: The mean is taken under q, so q(z) stands first: kl_aggregate.
# source: AntixK/PyTorch-VAE#11 and kin: directions mixed
price = {"mi_q": "beta - 1", "kl_aggregate_reverse": "beta - 1"}
