"""C6: the data's density is exact, the orders are what they are called, the verdict follows the numbers."""

import pytest
import torch

from dgm_tutor import claims
from dgm_tutor.claims import Figure, c06


def test_the_data_s_density_integrates_to_one_and_its_draws_have_its_entropy():
    line = torch.linspace(-8, 8, 801)
    grid = torch.cartesian_prod(line, line)
    log_p, cell = c06.log_prob(grid), (16 / 800) ** 2
    assert (log_p.exp().sum() * cell).item() == pytest.approx(1.0, abs=1e-3)
    torch.manual_seed(0)
    drawn = c06.log_prob(c06.two_arms(20_000)).mean().item()
    assert drawn == pytest.approx((log_p.exp() * log_p).sum().item() * cell, abs=0.03)


def test_one_order_is_one_order():
    orders = {name: [layer.made.order for layer in c06.transform(name).transforms] for name in c06.FAMILIES}
    assert orders["MAF, 5 layers in one order"] == [[0, 1]] * 5
    assert orders["MAF, 5 layers, the order turned"] == [[0, 1], [1, 0], [0, 1], [1, 0], [0, 1]]
    assert [len(o) for o in orders.values()] == [1, 1, 5, 5]


@pytest.mark.parametrize(
    ("naf", "gains", "kind"),
    [
        (0.02, (0.9, 0.92, 0.91), "confirmed"),
        (0.5, (0.4, 0.41, 0.42), "qualified"),
        (0.9, (0.1, -0.1, 0.1), "not seen"),
    ],
)
def test_the_verdict_follows_the_numbers(naf, gains, kind):
    figures = {c06.FLOOR: Figure((0.93, 0.93, 0.93))}
    figures |= {f"gap, {name} (nats)": Figure((naf,) * 3) for name in c06.FAMILIES}
    figures |= {f"NAF better than {name} (nats)": Figure(gains) for name in c06.FAMILIES[1:]}
    assert c06.judge(figures).kind.startswith(kind)


@pytest.mark.slow
def test_it_is_confirmed():
    assert claims.run(claims.get("C6")).verdict.kind == "confirmed"
