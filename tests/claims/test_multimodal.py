"""C9 and C10: chance is measured the same way, and the verdicts follow the numbers."""

import pytest
import torch

from dgm_tutor import data, models
from dgm_tutor.claims import Figure, c09, c10

CLEAR, UNCLEAR, WORSE = (0.4, 0.5, 0.6), (-0.2, 0.5, 0.1), (-0.4, -0.5, -0.6)


def nine(label=(0.7, 0.8, 0.75), digit=(0.5, 0.6, 0.55), gain=CLEAR):
    return {
        "label from digit (accuracy)": Figure(label),
        "digit from label (agreement with a classifier)": Figure(digit),
        "colour from grey (rms error)": Figure((0.1, 0.1, 0.1)),
        "colour from grey: gain over another example's (rms error)": Figure(gain),
    }


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        ({}, "confirmed"),
        ({"gain": UNCLEAR}, "qualified"),
        ({"digit": (0.1, 0.12, 0.09)}, "qualified"),
        ({"label": (0.1, 0.1, 0.09), "digit": (0.1, 0.12, 0.09), "gain": WORSE}, "not seen at this scale"),
    ],
)
def test_c9_is_confirmed_only_where_every_direction_is_beyond_chance(numbers, kind):
    verdict = c09.judge(nine(**numbers))
    assert verdict.kind == kind
    assert ("digit from label" in verdict.why.split("not beyond chance")[-1]) or "digit" not in numbers


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [(CLEAR, CLEAR, "confirmed"), (UNCLEAR, CLEAR, "qualified"), (WORSE, WORSE, "not seen at this scale")],
)
def test_c10_is_confirmed_only_where_unpaired_digits_help_at_every_share(first, second, kind):
    numbers = {"accuracy, 100% paired": Figure((0.8, 0.8, 0.8))}
    numbers |= {"gain from the unpaired at 10%": Figure(first), "gain from the unpaired at 1%": Figure(second)}
    assert c10.judge(numbers).kind == kind


def test_c10_s_weak_rows_are_pairs_again_and_again_and_as_many_others_without_a_label():
    x = torch.cat([torch.arange(30.0)[:, None].expand(30, 784), torch.eye(10).repeat(3, 1)], 1)
    rows = c10.half_paired(c09.create(0, False), x, pairs=6)
    paired, others = rows.split(24)
    assert torch.equal(paired, x[:6].repeat(4, 1))
    assert torch.equal(others[:, :784], x[6:, :784]) and others[:, 784:].isnan().all()


def test_accuracy_is_a_tenth_where_the_model_knows_nothing_and_whole_where_it_knows_all():
    digits = data.load("mnist").test
    assert c09.accuracy(c09.create(0, False), digits) == pytest.approx(0.1, abs=0.08)


def test_another_example_s_view_is_a_fair_stranger():
    """The same views, in other rows; a model that ignores what it sees gains nothing from its own."""
    digits = data.load("colour_digits").test
    parts = c09.views(digits, slice(50))
    assert parts["colour"].shape == (50, 2352) and parts["grey"].max() <= 1
    model = models.create("mvae", modalities="colour_grey_edges", z_dim=2, hidden=(4,))
    with torch.no_grad():
        for p in model.posterior.encoders["grey"][-1].parameters():
            p.zero_()
    own, other = (c09.error(model, "grey", "colour", parts, flag) for flag in (True, False))
    assert own == pytest.approx(other)
