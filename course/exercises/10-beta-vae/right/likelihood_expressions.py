# exercise: likelihood
# how: the same line, built from the one before
extra = dict.fromkeys(("mi_q", "kl_aggregate"), "beta - 1")
likelihood = {"kl_posterior": 1.0, "log_likelihood": -1.0, **extra}
