"""C8: log p(x) is exact, only the posterior learns, the verdict follows the numbers."""

import pytest
import torch

from dgm_tutor import claims
from dgm_tutor.claims import Figure, c08


def test_log_p_by_quadrature_integrates_to_one_and_does_not_depend_on_the_grid():
    model = c08.model_with(c08.GAUSSIAN, 0, 0)
    line = torch.linspace(-8, 8, 41)
    x = torch.cartesian_prod(line, line)
    assert (c08.log_p(model, x, points=61).exp().sum() * (16 / 40) ** 2).item() == pytest.approx(1.0, abs=1e-3)
    some = model.sample(16)
    torch.testing.assert_close(c08.log_p(model, some), c08.log_p(model, some, points=301, reach=7.0), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("family", "depth"), c08.POSTERIORS)
def test_the_posterior_alone_learns_and_its_bound_is_below_log_p(family, depth):
    torch.manual_seed(0)
    model = c08.model_with(family, depth, 0)
    assert not list(model.decoder.parameters()) and not list(model.prior.parameters())
    x = model.sample(32)
    assert model.elbo(x, samples=200).mean() < c08.log_p(model, x).mean()


def figures(flat, deep):
    gaps = {f"gap, {c08.GAUSSIAN} (nats)": Figure((0.8, 0.8, 0.9))}
    for family, (shallow, depth) in c08.DEPTHS.items():
        gaps[f"{family} {shallow} tighter than {c08.GAUSSIAN} (nats)"] = Figure(flat)
        gaps[f"{family} {depth} tighter than {shallow} (nats)"] = Figure(deep)
    return gaps


CLEAR, NOISE = (0.2, 0.21, 0.22), (-0.1, 0.1, 0.2)


@pytest.mark.parametrize(
    ("flat", "deep", "kind"),
    [(CLEAR, CLEAR, "confirmed"), (CLEAR, NOISE, "qualified"), (NOISE, CLEAR, "not seen")],
)
def test_the_verdict_follows_the_numbers(flat, deep, kind):
    assert c08.judge(figures(flat, deep)).kind.startswith(kind)


@pytest.mark.slow
def test_every_figure_is_there_and_finite_at_few_steps(monkeypatch):
    monkeypatch.setattr(c08, "PHASES", ((20, 1e-3),))
    assert len(claims.run(claims.get("C8"), seeds=(0,)).figures) == len(c08.POSTERIORS) + 2 * len(c08.DEPTHS)
