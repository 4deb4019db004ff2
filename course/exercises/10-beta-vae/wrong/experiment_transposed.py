# exercise: experiment
# slip: V handed in transposed
# says: V maps z to x: its shape is (6, 2).
# source: seen in teaching: Linear.weight is (out, in)
from pathlib import Path

import torch
from safetensors.torch import save_file

rotation = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(10)))[0]
directions, variances, beta = rotation[:, :2], torch.tensor([16.0, 8.0]), 4.0
strength = (variances - beta).clamp(min=0)
V = directions * strength.sqrt()
W = (directions * (strength.sqrt() / (strength + beta))).T
s = 0.5 * (beta / (strength + beta)).log()
V = V.T
weights_file = Path("experiment.safetensors").resolve()
save_file({"W": W.contiguous(), "s": s.contiguous(), "V": V.contiguous()}, weights_file)
