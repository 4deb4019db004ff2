# exercise: repair
# slip: summed over the batch
# says: Both terms are summed over the batch as well: the loss grows with the number of examples. Average over them.
# source: wohlert/semi-supervised-pytorch#21
from torch.nn import functional as F


def fixed_loss(x, logits, mean, log_var, beta):
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = -0.5 * (1 + log_var - mean**2 - log_var.exp()).sum()
    return reconstruction + beta * kl
