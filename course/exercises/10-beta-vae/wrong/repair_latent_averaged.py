# exercise: repair
# slip: KL averaged over latent dimensions
# says: Your KL is a mean over latent dimensions while the pixels are summed, so beta means something smaller.
# source: cs294-158-lvm `IAFPixelVAE.loss`
from torch.nn import functional as F


def fixed_loss(x, logits, mean, log_var, beta):
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1).mean()
    kl = -0.5 * (1 + log_var - mean**2 - log_var.exp()).mean()
    return reconstruction + beta * kl
