# exercise: experiment
# how: no training at all: the optimum of a linear beta-VAE from the covariance's eigenvectors
from pathlib import Path

import torch
from safetensors.torch import save_file

rotation = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(10)))[0]
directions, variances, beta = rotation[:, :2], torch.tensor([16.0, 8.0]), 4.0
strength = variances - beta
V = directions * strength.sqrt()
W = (directions * (strength.sqrt() / variances)).T
weights_file = Path("experiment.safetensors").resolve()
save_file({"W": W.contiguous(), "s": 0.5 * (beta / variances).log(), "V": V.contiguous()}, weights_file)
