# exercise: experiment
# slip: posterior without noise
# says: Your posterior has almost no variance: the KL counts that dearly. Was `s` trained?
# source: ARENA 3.0's test_vae accepts a decoded mean in 20 of 20 seeds
from pathlib import Path

import torch
from safetensors.torch import save_file

rotation = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(10)))[0]
directions, variances, beta = rotation[:, :2], torch.tensor([16.0, 8.0]), 4.0
strength = (variances - beta).clamp(min=0)
V = directions * strength.sqrt()
W = (directions * (strength.sqrt() / (strength + beta))).T
s = 0.5 * (beta / (strength + beta)).log()
s = torch.full((2,), -4.0)
weights_file = Path("experiment.safetensors").resolve()
save_file({"W": W.contiguous(), "s": s.contiguous(), "V": V.contiguous()}, weights_file)
