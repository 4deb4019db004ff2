"""Chorales as symbols, keys and notes; sequences padded and cut: nothing is lost on the way there and back."""

import pytest
import torch

from dgm_tutor import data
from dgm_tutor.data import chorales


@pytest.fixture(scope="module")
def split():
    return data.load("chorales").test


def test_one_hot_has_a_symbol_a_voice_and_comes_back(split):
    x = chorales.one_hot(split.x)
    assert x.shape == (*split.x.shape[:2], sum(chorales.SYMBOLS))
    assert all((block.sum(-1) == 1).all() for block in x.split(list(chorales.SYMBOLS), -1))
    for form in (x, x.flatten(1)):
        assert torch.equal(chorales.from_one_hot(form), split.x)


def test_the_ranges_are_those_of_the_embedded_chorales():
    pitches = torch.cat([half.x.flatten(0, 1) for half in (data.load("chorales").train, data.load("chorales").test)])
    for (lowest, highest), voice in zip(chorales.RANGES.values(), pitches.T, strict=True):
        assert (voice[voice > 0].min(), voice.max()) == (lowest, highest)


def test_what_is_past_the_end_is_a_rest_and_other_pitches_are_refused():
    x = data.padded(chorales.one_hot(torch.tensor([[[60, 60, 60, 60]] * 3])), torch.tensor([1]))
    assert chorales.from_one_hot(x).tolist() == [[[60] * 4, [0] * 4, [0] * 4]]
    with pytest.raises(ValueError, match="bass: pitch 65"):
        chorales.one_hot(torch.tensor([60, 60, 60, 65]))
    with pytest.raises(ValueError, match="102 values"):
        chorales.from_one_hot(torch.zeros(1, 100))


def test_piano_rolls_have_the_keys_that_sound(split):
    roll = chorales.piano_roll(split.x)
    assert roll.shape[-1] == 46 and torch.equal(roll.sum(-1) > 0, (split.x > 0).any(-1))
    assert set(roll[0, 0].nonzero().flatten().tolist()) == {int(p) - 36 for p in split.x[0, 0] if p > 0}
    with pytest.raises(ValueError, match="widen"):
        chorales.piano_roll(torch.tensor([[[99]]]))


def test_held_notes_are_one_note_and_rests_none():
    pitches = torch.tensor([[60, 0], [60, 48], [62, 48], [0, 48], [62, 50]])
    assert chorales.held_notes(pitches) == [(0, 60, 0, 2), (1, 48, 1, 3), (0, 62, 2, 1), (0, 62, 4, 1), (1, 50, 4, 1)]
    assert chorales.held_notes(torch.zeros(3, 4, dtype=torch.long)) == []


def test_pitches_have_their_names():
    assert [chorales.pitch_name(p) for p in (60, 69, 36, 61, 0)] == ["C4", "A4", "C2", "C♯4", "rest"]


def test_windows_hold_every_step_once_and_in_order():
    x = data.padded(torch.arange(1, 22).view(3, 7), torch.tensor([7, 4, 1]))
    cut = data.windows(x, 3)
    assert cut[0].tolist() == [1, 2, 3] and cut[1].tolist() == [4, 5, 6] and cut.shape == (6, 3)
    assert cut[~cut.isnan()].tolist() == x[~x.isnan()].tolist()
    assert torch.equal(data.windows(x.unsqueeze(-1), 3).squeeze(-1).nan_to_num(), cut.nan_to_num())
    with pytest.raises(ValueError, match="at least 1"):
        data.windows(x, 0)
