# exercise: likelihood
# slip: gap the other way round
# says: The gap has q(z|x) first: it is averaged under q, from which z is drawn.
# source: directions mixed: eriklindernoren/PyTorch-GAN#84
likelihood = {"log_likelihood": -1, "kl_posterior_reverse": 1, "mi_q": "beta - 1", "kl_aggregate": "beta - 1"}
