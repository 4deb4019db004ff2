# exercise: experiment
# slip: one dimension lost
# says: One of the two latent dimensions carries nothing. At beta = 4 a direction with variance 8 still pays for itself.
# source: collapse by a large step at the start: AntixK/PyTorch-VAE#56
from pathlib import Path

import torch
from safetensors.torch import save_file

rotation = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(10)))[0]
directions, variances, beta = rotation[:, :2], torch.tensor([16.0, 8.0]), 4.0
strength = (variances - beta).clamp(min=0)
V = directions * strength.sqrt()
W = (directions * (strength.sqrt() / (strength + beta))).T
s = 0.5 * (beta / (strength + beta)).log()
W[1], V[:, 1], s[1] = 0, 0, 0
weights_file = Path("experiment.safetensors").resolve()
save_file({"W": W.contiguous(), "s": s.contiguous(), "V": V.contiguous()}, weights_file)
