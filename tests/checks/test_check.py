"""The instant check as a student meets it, on the loss of lecture page 10."""

import pytest
import torch
from safetensors.torch import save_file
from torch.distributions import kl_divergence

from dgm_tutor.checks import Report, bank, check, hint, names

LOSS = "10-beta-vae/loss"


def right(x, posterior, prior, decoder, beta):
    z = posterior.rsample()
    return (beta * kl_divergence(posterior, prior) - decoder(z).log_prob(x)).mean()


def detached(x, posterior, prior, decoder, beta):
    z = posterior.sample()
    return (beta * kl_divergence(posterior, prior) - decoder(z).log_prob(x)).mean()


def other_order(x, posterior, prior, decoder, beta):
    torch.rand(7)  # noise used up before: the same estimator on another stream
    return right(x, posterior, prior, decoder, beta)


def stub(x, posterior, prior, decoder, beta):
    raise NotImplementedError


def test_four_outcomes():
    assert check(LOSS, right).outcome == check(LOSS, other_order).outcome == "right"
    assert check(LOSS, stub).outcome == check(LOSS).outcome == "not attempted"
    report = check(LOSS, lambda x, *rest: x.flattten())
    assert report.outcome == "raised" and "flattten" in report.message
    assert check(LOSS, lambda x, *rest: x.sum()).outcome == "wrong"


def test_the_slip_is_named_in_words():
    report = check(LOSS, detached)
    assert report.outcome == "wrong" and report.slip == "z cut from the graph"
    assert "gradient" in str(report) and "✗" in str(report)


@pytest.mark.parametrize("given", [3.0, torch.ones(4), "loss"])
def test_a_loss_of_the_wrong_kind_is_told_what_was_expected(given):
    report = check(LOSS, lambda *arguments: given)
    assert report.outcome == "raised" and "expected a scalar tensor" in report.message


def test_a_forgotten_return_is_asked_after():
    def forgot(*arguments):
        right(*arguments)

    assert "does your function return it?" in check(LOSS, forgot).message


def test_a_nan_never_passes():
    assert check(LOSS, lambda *arguments: right(*arguments) * float("nan")).outcome == "wrong"


def test_the_box_speaks_without_colour_and_cannot_be_written_into():
    report = check(LOSS, lambda *arguments: 1 / 0 if arguments else 0)
    html = report._repr_html_()
    assert 'role="status"' in html and "An error was raised" in html

    def tag(*arguments):
        raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in check(LOSS, tag)._repr_html_()


def test_hints_grow_stronger_and_stop_at_three():
    texts = [str(hint(LOSS, strength)) for strength in (1, 2, 3)]
    assert len(set(texts)) == 3 and "rsample()" in texts[2] and "rsample()" not in texts[0]
    with pytest.raises(ValueError, match="expected 0 to 3"):
        hint(LOSS, 4)


def test_a_hint_that_nobody_asked_for_is_not_given_however_often_all_cells_run():
    hints = bank.load(LOSS).hints
    for _ in range(5):
        said = str(hint(LOSS, 0))
        assert said == str(hint(LOSS)) and "1" in said and not any(text in said for text in hints)


@pytest.mark.parametrize("coefficient", ["b - 1", "beta -", None, [1]])
def test_a_coefficient_that_is_none_is_told_what_one_is(coefficient):
    report = check("10-beta-vae/price", {"mi_q": coefficient})
    assert report.outcome == "raised" and f"the coefficient of mi_q is {coefficient!r}; expected" in report.message
    assert "'beta - 1'" in report.message


def test_an_error_is_named_a_slip_only_where_it_is_the_slips_own(tmp_path):
    """Weights handed in with V transposed are known; any other file that cannot be used says what is wrong with it."""
    shapes = {"W": (2, 6), "s": (2,), "V": (2, 6)}

    def handed_in(**other) -> Report:
        save_file({name: torch.ones(shape) for name, shape in (shapes | other).items()}, tmp_path / "w.safetensors")
        return check("10-beta-vae/experiment", tmp_path / "w.safetensors")

    assert handed_in().slip == "V handed in transposed"
    wrong = handed_in(s=(6,), V=(6, 2))
    assert (wrong.outcome, wrong.slip) == ("raised", None) and "s has shape (6,); expected (2,)" in wrong.message


def test_an_unknown_exercise_is_refused_by_name():
    with pytest.raises(KeyError, match="10-beta-vae/loss"):
        check("10-beta-vae/lost", right)


def test_validate_learns_of_a_wrong_answer_by_an_exception(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    assert check(LOSS, right).outcome == "right"
    with pytest.raises(AssertionError, match="z cut from the graph"):
        check(LOSS, detached)


def test_every_bank_reads_and_offers_three_hints():
    for name in names():
        entry = bank.load(name)
        assert len(entry.hints) == 3 and entry.cases and len(entry.slips) >= 5
        assert all(set(case.slips) == set(entry.slips) for case in entry.cases)
