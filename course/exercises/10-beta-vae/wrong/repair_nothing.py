# exercise: repair
# slip: as published
# says: Both mistakes are still there: one is in what the reconstruction averages over, one in what log_var is.
# source: wiseodd/generative-models#40 and pyg PR#1368, put together
from torch.nn import functional as F


def fixed_loss(x, logits, mean, log_var, beta):
    reconstruction = F.binary_cross_entropy_with_logits(logits, x)
    kl = -0.5 * (1 + 2 * log_var - mean**2 - (2 * log_var).exp()).sum(1).mean()
    return reconstruction + beta * kl
