"""C21: a tiny form fills three boards; two models count as exchanged only where both boards are clear."""

import pytest

from dgm_tutor.claims import Figure, c21

TINY = {"side": 8, "steps": 2, "batch_size": 8, "images": 20, "bounded": 10, "importance": 2}


def figures(likelihood, samples, representation, noise=0.01):
    """Three seeds about the given means of the four models on each board."""
    boards = dict(zip(c21.BOARDS, (likelihood, samples, representation), strict=True))
    return {
        key.format(name): Figure((mean - noise, mean, mean + noise * (i + 1)))
        for board, key in c21.BOARDS.items()
        for i, (name, mean) in enumerate(zip(c21.MODELS, boards[board], strict=True))
    }


@pytest.mark.parametrize(
    ("boards", "kind"),
    [
        (((4, 3, 2, 1), (1, 4, 2, 3), (0, 1, 2, 3)), "confirmed"),
        (((4, 3, 2, 1), (4, 3, 2, 1), (0, 1, 2, 3)), "qualified"),
        (((4, 3, 2, 1), (8, 6, 4, 2), (9, 8, 7, 6)), "not seen at this scale"),
    ],
)
def test_rankings_are_compared_board_by_board(boards, kind):
    assert c21.judge(figures(*boards)).kind == kind


def test_an_exchange_within_the_spread_does_not_count():
    assert c21.judge(figures((4, 3, 2, 1), (1, 2, 3, 4), (0, 1, 2, 3), noise=9.0)).kind == "not seen at this scale"


def test_a_contradiction_names_who_is_above_whom():
    found = c21.contradictions(figures((4, 3, 2, 1), (4, 3, 1, 2), (4, 3, 2, 1)), "likelihood", "samples")
    assert found == [("VAE", "beta-VAE (1/4)")]


@pytest.mark.slow
def test_a_tiny_form_fills_every_board():
    found = c21.measure(0, False, **TINY)
    for key in c21.BOARDS.values():
        assert all(key.format(name) in found for name in c21.MODELS)
    assert found["probe accuracy, PixelCNN"] < 0.2
    assert c21.judge({name: Figure((value, value)) for name, value in found.items()}).why
