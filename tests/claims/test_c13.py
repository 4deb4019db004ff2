"""C13 and C14: tiny forms run and give every number; the verdicts go both ways."""

import pytest

from dgm_tutor.claims import Figure, c13, c14

TINY = {"side": 4, "levels": 4, "steps": 3, "batch_size": 8, "images": 40}


def figures(score, bits):
    """Three seeds about the given means of (MLE, hybrid, ADV), with differences as the claim names them."""
    names, found = ("MLE", "hybrid", "ADV"), {}
    for quantity, short, means in (
        ("classifier score, {}", "score", score),
        ("log10 NLL, {} (bits/dim)", "log10 NLL", bits),
    ):
        values = {name: [mean + noise for noise in (-0.01, 0.0, 0.01)] for name, mean in zip(names, means, strict=True)}
        found |= {quantity.format(name): Figure(tuple(v)) for name, v in values.items()}
        for a, b in (("ADV", "MLE"), ("hybrid", "MLE"), ("ADV", "hybrid")):
            found[f"{short}, {a} - {b}"] = Figure(tuple(x - y for x, y in zip(values[a], values[b], strict=True)))
    return found | {f"NLL, {name} (bits/dim)": Figure((1.0, 1.1, 1.2)) for name in names}


@pytest.mark.parametrize(
    ("score", "bits", "kind"),
    [
        ((2.9, 3.9, 5.8), (0.55, 0.62, 0.93), "confirmed"),
        ((2.9, 3.2, 1.8), (0.28, 0.30, 3.0), "qualified"),
        ((3.4, 3.4, 2.6), (0.25, 0.25, 4.9), "not seen at this scale"),
        ((2.9, 3.9, 5.8), (0.9, 0.6, 0.5), "qualified"),
        ((5.8, 3.9, 2.9), (0.9, 0.6, 0.5), "not seen at this scale"),
    ],
)
def test_the_table_is_judged_column_by_column(score, bits, kind):
    assert c13.judge(figures(score, bits)).kind == kind


def test_what_goes_the_other_way_is_said():
    why = c13.judge(figures((3.4, 3.4, 2.6), (0.25, 0.25, 4.9))).why
    assert "hybrid more likely than ADV: seen" in why
    assert "ADV scored above hybrid: the other way round" in why
    assert "MLE more likely than hybrid: within the spread" in why


@pytest.mark.slow
def test_a_tiny_table_has_every_number():
    found = c13.measure(0, False, **TINY)
    assert all(
        f"{c} {n}" in found for c in ("classifier score,", "Frechet distance,") for n in ("MLE", "hybrid", "ADV")
    )
    assert found["score, ADV - MLE"] == found["classifier score, ADV"] - found["classifier score, MLE"]
    assert 1 <= found["classifier score, MLE"] <= 10
    assert c13.judge({name: Figure((value, value)) for name, value in found.items()}).why


@pytest.mark.parametrize(
    ("adv", "mle", "kind", "why"),
    [
        ((6.0, 6.1, 6.2), (2.0, 2.1, 2.0), "confirmed", "worse"),
        ((1.0, 1.1, 1.2), (2.0, 2.1, 2.0), "not seen at this scale", "reversed"),
        ((2.0, 2.2, 2.1), (2.1, 2.1, 2.0), "not seen at this scale", "do not differ"),
    ],
)
def test_conditioning_is_judged_by_its_spread(adv, mle, kind, why):
    found = {"log10 condition number, ADV": Figure(adv), "log10 condition number, MLE": Figure(mle)}
    for a, b, first, second in (("ADV", "MLE", adv, mle), ("MLE", "ADV", mle, adv)):
        found[f"log10 condition number, {a} - {b}"] = Figure(tuple(x - y for x, y in zip(first, second, strict=True)))
    verdict = c14.judge(found)
    assert verdict.kind == kind and why in verdict.why


@pytest.mark.slow
def test_tiny_jacobians_have_every_number():
    found = c14.measure(0, False, **TINY)
    for name in ("MLE", "ADV"):
        spread = found[f"log10 largest singular value, {name}"] - found[f"log10 smallest singular value, {name}"]
        assert found[f"log10 condition number, {name}"] == pytest.approx(spread, abs=0.3)  # medians, each of its own
