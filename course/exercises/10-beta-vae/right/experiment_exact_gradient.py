# exercise: experiment
# how: L-BFGS on the exact loss, float64, the latent dimensions in another order
from pathlib import Path

import torch
from safetensors.torch import save_file

rotation = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(10)))[0].double()
covariance = rotation @ torch.diag(torch.tensor([16.0, 8.0, 1.0, 0.5, 0.5, 0.5]).double()) @ rotation.T
generator = torch.Generator().manual_seed(3)
W, s, V = (
    (0.1 * torch.randn(shape, generator=generator).double()).requires_grad_() for shape in ((2, 6), (2,), (6, 2))
)
optimiser = torch.optim.LBFGS([W, s, V], max_iter=400, line_search_fn="strong_wolfe")


def step():
    optimiser.zero_grad()
    left = torch.eye(6).double() - V @ W
    error = (left @ covariance @ left.T).trace() + ((2 * s).exp() * (V**2).sum(0)).sum()
    loss = 0.5 * error + 4 * 0.5 * ((W @ covariance @ W.T).diag() + (2 * s).exp() - 1 - 2 * s).sum()
    loss.backward()
    return loss


optimiser.step(step)
weights_file = Path("experiment.safetensors").resolve()
save_file({"W": W.detach().flip(0), "s": s.detach().flip(0), "V": V.detach().flip(1)}, weights_file)
