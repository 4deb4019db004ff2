"""Run by an installed package, away from the repository: reconstruct held-out digits with shipped weights."""

import sys

import torch

import dgm_tutor
from dgm_tutor import data, models

WEIGHTS, BETA = "10_beta_vae/conditional", 1.0

assert sys.prefix in dgm_tutor.__file__, f"not the installed package: {dgm_tutor.__file__}"

digits = data.load("mnist").test.pixels()[:100].flatten(1)
model = models.load(WEIGHTS).at(BETA)
with torch.no_grad():
    decoded = model.decoder(model.posterior(digits).mean).mean

assert decoded.shape == digits.shape
nearest = torch.cdist(decoded, digits).argmin(1)
recognised = (nearest == torch.arange(100)).float().mean()
print(f"{recognised:.0%} of the decoded digits are nearest to the digit they were encoded from")
assert recognised > 0.5
