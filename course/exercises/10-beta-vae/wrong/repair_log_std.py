# exercise: repair
# slip: log-variance taken for log-std
# says: The reconstruction is right now. The KL still takes log_var for the logarithm of the standard deviation.
# source: pyg PR#1368; WorldModels#2, #12
from torch.nn import functional as F


def fixed_loss(x, logits, mean, log_var, beta):
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1).mean()
    kl = -0.5 * (1 + 2 * log_var - mean**2 - (2 * log_var).exp()).sum(1).mean()
    return reconstruction + beta * kl
