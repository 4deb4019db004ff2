# exercise: repair
# slip: half of the KL repaired
# says: In your KL the variance is log_var.exp(), but its logarithm is still twice log_var.
# source: WorldModels#12: only one of the two places changed
from torch.nn import functional as F


def fixed_loss(x, logits, mean, log_var, beta):
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1).mean()
    kl = -0.5 * (1 + 2 * log_var - mean**2 - log_var.exp()).sum(1).mean()
    return reconstruction + beta * kl
