# exercise: repair
# slip: logits taken for probabilities
# says: The first argument holds logits; you read its sigmoid as if it were a logit once more.
# source: seen in teaching: binary cross entropy applied twice through a sigmoid
from torch.nn import functional as F


def fixed_loss(x, logits, mean, log_var, beta):
    reconstruction = F.binary_cross_entropy_with_logits(logits.sigmoid(), x, reduction="none").sum(1).mean()
    kl = -0.5 * (1 + log_var - mean**2 - log_var.exp()).sum(1).mean()
    return reconstruction + beta * kl
