# exercise: repair
# slip: pixels summed, batch not averaged
# says: The cross entropy is summed over the batch and the KL is averaged over it: beta now depends on the batch size.
# source: keras#3283; wiseodd/generative-models#40
from torch.nn import functional as F


def fixed_loss(x, logits, mean, log_var, beta):
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = -0.5 * (1 + log_var - mean**2 - log_var.exp()).sum(1).mean()
    return reconstruction + beta * kl
