"""C7: the verdict follows the numbers, and the rate is what its two parts add up to."""

import pytest

from dgm_tutor import claims
from dgm_tutor.claims import Figure, c07


@pytest.mark.parametrize(
    ("maf", "naf", "kind"),
    [
        ((0.9, 1.0, 1.1), (0.8, 1.0, 1.1), "confirmed"),
        ((0.9, 1.0, 1.1), (0.1, -0.1, 0.2), "not seen"),
        ((0.1, 2.0, 0.2), (0.8, 1.0, 1.1), "not seen"),
    ],
)
def test_the_verdict_follows_the_numbers(maf, naf, kind):
    figures = {"KL(q(z)||p(z)), prior N(0, I) (nats)": Figure((1.0, 1.1, 1.2))}
    figures |= {f"narrower by, prior {name} (nats)": Figure(v) for name, v in (("MAF", maf), ("NAF", naf))}
    assert c07.judge(figures).kind.startswith(kind)


@pytest.mark.slow
def test_one_seed_narrows_and_its_figures_belong_together(monkeypatch):
    monkeypatch.setattr(c07, "STEPS", 300)
    numbers = claims.run(claims.get("C7"), seeds=(0,)).figures
    for name in c07.FLOWS:
        fixed, flow = (numbers[f"KL(q(z)||p(z)), prior {n} (nats)"].mean for n in ("N(0, I)", name))
        assert numbers[f"narrower by, prior {name} (nats)"].mean == pytest.approx(fixed - flow) and flow < fixed
