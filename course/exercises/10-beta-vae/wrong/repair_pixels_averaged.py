# exercise: repair
# slip: likelihood averaged over pixels
# says: The KL is right now. The cross entropy is still a mean over pixels, so beta weighs a sum against a mean.
# source: wiseodd/generative-models#40; keras#3283
from torch.nn import functional as F


def fixed_loss(x, logits, mean, log_var, beta):
    reconstruction = F.binary_cross_entropy_with_logits(logits, x)
    kl = -0.5 * (1 + log_var - mean**2 - log_var.exp()).sum(1).mean()
    return reconstruction + beta * kl
