# exercise: experiment
# slip: likelihood averaged over pixels
# says: Nothing passes through z. With the likelihood a mean over six pixels, beta = 4 acts as 24,
#     more than any direction is worth.
# source: wiseodd/generative-models#40; keras#3283
from pathlib import Path

import torch
from safetensors.torch import save_file

rotation = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(10)))[0]
directions, variances, beta = rotation[:, :2], torch.tensor([16.0, 8.0]), 24.0
strength = (variances - beta).clamp(min=0)
V = directions * strength.sqrt()
W = (directions * (strength.sqrt() / (strength + beta))).T
s = 0.5 * (beta / (strength + beta)).log()

weights_file = Path("experiment.safetensors").resolve()
save_file({"W": W.contiguous(), "s": s.contiguous(), "V": V.contiguous()}, weights_file)
