"""C5: a flow with an autoregressive prior is one flow with a longer stack (D4): the log-likelihoods are equal.

The prior is written as what it is, prod_i N(z_i; mu_i(z_<i), sigma_i(z_<i)), each conditional asked with the later
coordinates hidden; the longer stack has the same networks as one more affine layer.
"""

import torch
from torch import Tensor
from torch.distributions import Normal

from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen
from dgm_tutor.components import StandardNormal
from dgm_tutor.components.flows import Autoregressive, Flow, Stack, maf, naf, real_nvp

DIM, POINTS, HIDDEN_VALUE = 5, 500, 1e6
ROUNDING = 1e-10  # nats, in double precision


def measure(seed: int, full: bool) -> dict[str, float]:
    prior = _away(maf(DIM, 1, (32,))).transforms[0]
    differences = {}
    for name, flow in {
        "Real NVP": real_nvp(DIM, 4, (32,)),
        "MAF": maf(DIM, 3, (32,)),
        "NAF": naf(DIM, 2, (32,)),
    }.items():
        f = _away(flow)
        longer = Flow(StandardNormal(DIM).double()(), Stack(prior, f))
        x = longer.sample((POINTS,)).clone()  # a copy: its density is not remembered from the drawing
        z, log_det = f.inverse(x)
        log_p, with_prior = longer.log_prob(x), autoregressive_log_prob(prior, z) + log_det
        differences[f"largest difference, {name} (nats)"] = (with_prior - log_p).abs().max().item()
        differences[f"log p(x), mean, {name} (nats)"] = log_p.mean().item()
    return differences


def autoregressive_log_prob(layer: Autoregressive, z: Tensor) -> Tensor:
    """sum_i log N(z_i; mu_i(z_<i), sigma_i(z_<i)), one conditional after the other, (n,) nats."""
    total = torch.zeros_like(z[:, 0])
    for i in range(z.shape[1]):
        past = torch.cat([z[:, :i], torch.full_like(z[:, i:], HIDDEN_VALUE)], -1)
        parameters = layer.made(past)[:, i]
        mu, log_sigma = layer.monotone.forward(torch.zeros_like(z[:, i]), parameters)  # x at z = 0, and log dx/dz
        total = total + Normal(mu, log_sigma.exp()).log_prob(z[:, i])
    return total


def _away(flow: Stack) -> Stack:
    """In double precision, and far from the identity."""
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return flow.double().requires_grad_(False)


def judge(figures: Figures) -> Verdict:
    worst = max(max(figure.values) for name, figure in figures.items() if name.startswith("largest"))
    if worst < ROUNDING:
        return confirmed(f"equal to rounding: they differ by at most {worst:.1g} nats")
    return not_seen(f"they differ by up to {worst:.1g} nats, more than rounding in double precision")


CLAIM = Claim(
    "C5",
    "2 Autoregressive flow as a prior",
    "a flow with an autoregressive prior and one flow with a longer stack give the same log-likelihood, to rounding",
    "an identity: no figure",
    measure,
    judge,
)
