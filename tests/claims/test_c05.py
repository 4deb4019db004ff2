"""C5: the product of conditionals is a density of its own, not the flow asked twice."""

import torch
from torch.distributions import Normal

from dgm_tutor import claims
from dgm_tutor.claims import c05
from dgm_tutor.components.flows import maf


def test_it_is_confirmed_and_repeats():
    first, again = claims.run(claims.get("C5")), claims.run(claims.get("C5"))
    assert first.verdict.kind == "confirmed" and first.figures == again.figures


def test_the_conditionals_are_the_gaussians_of_the_networks():
    layer = c05._away(maf(2, 1, (8,))).transforms[0]
    z = torch.randn(6, 2, dtype=torch.float64)
    (mu_1, a_1), (mu_2, a_2) = layer.made(z).unbind(1)[0].T, layer.made(z).unbind(1)[1].T
    sigma_1, sigma_2 = ((5 * torch.tanh(a / 5)).exp() for a in (a_1, a_2))
    by_hand = Normal(mu_1, sigma_1).log_prob(z[:, 0]) + Normal(mu_2, sigma_2).log_prob(z[:, 1])
    torch.testing.assert_close(c05.autoregressive_log_prob(layer, z), by_hand)


def test_a_difference_above_rounding_is_not_equality():
    figure = claims.Figure((1e-14, 1e-14, 1e-6))
    assert c05.judge({"largest difference, MAF (nats)": figure}).kind == "not seen at this scale"
