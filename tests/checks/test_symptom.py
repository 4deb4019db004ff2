"""Mistakes nobody banked: the message says what the numbers show, and nothing they do not."""

import pytest
import torch
from torch.distributions import kl_divergence

from dgm_tutor.checks import check
from dgm_tutor.checks.compare import expect
from dgm_tutor.checks.symptom import symptom

EXACT = {
    "loss": torch.tensor(7.0),
    "gradient_of_mean": torch.tensor([[1.0, -2.0], [0.5, 3.0]]),
    "gradient_of_logits": torch.tensor([0.3, -0.7, 0.9]),
    "effect_of_beta": torch.tensor(2.0),
}


def said(**changes) -> str | None:
    return symptom(EXACT | changes, {name: expect([value], False) for name, value in EXACT.items()}, comparisons=9)


def scaled(factor: float) -> dict[str, torch.Tensor]:
    return {name: factor * value for name, value in EXACT.items()}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (scaled(-1), "Everything has the wrong sign."),
        (scaled(0.5), "Everything is 0.5 times what it should be: a sum taken for a mean"),
        ({"gradient_of_mean": -EXACT["gradient_of_mean"]}, "Gradient of mean has the wrong sign."),
        ({"loss": EXACT["loss"] + 1.5}, "Loss is off by a constant: +1.5, though its gradients are right."),
        ({"gradient_of_mean": torch.zeros(2, 2)}, "No gradient reaches mean:"),
        (
            {"gradient_of_mean": torch.zeros(2, 2), "gradient_of_logits": torch.zeros(3)},
            "The answer has no gradient at all:",
        ),
        ({"effect_of_beta": torch.tensor(0.0)}, "The answer is the same for two values of beta:"),
        ({"gradient_of_mean": torch.ones(2)}, "Gradient of mean has the shape (2,); expected (2, 2)."),
        ({"gradient_of_mean": [[], {}]}, "Gradient of mean"),  # which torch takes for numbers, and does not
        ({"loss": torch.tensor(float("nan"))}, "Loss is not finite"),
        ({"loss": "seven"}, "Loss is not a number."),
        ({"gradient_of_mean": torch.tensor([[1.0, -2.0], [0.5, 9.0]])}, "Gradient of mean is right in 3 of 4 places"),
    ],
)
def test_exact_outputs(changes, words):
    assert said(**changes).startswith(words)


def test_what_shows_no_pattern_is_not_explained():
    assert said(gradient_of_mean=torch.tensor([[3.0, 1.0], [9.0, -4.0]])) is None
    assert symptom({}, {"line": expect([1.0], False)}, 1) == "The result has no line."


LOSS = "10-beta-vae/loss"


def loss(x, posterior, prior, decoder, beta, scale=1.0, offset=0.0):
    kl = kl_divergence(posterior, prior)
    return offset + scale * (beta * kl - decoder(posterior.rsample()).log_prob(x)).mean()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda *given: loss(*given[:4], 4.0), "The answer is the same for two values of beta: is it hard-coded"),
        (lambda *given: loss(*given, scale=0.25), "Everything is about 0.25 times"),
        (lambda *given: loss(*given, offset=3.0), "Loss is off by a constant: about +3"),
        (lambda *given: loss(*given).detach(), "The answer has no gradient at all"),
        (lambda *given: loss(*given) * float("nan"), "Loss is not finite"),
    ],
)
def test_a_random_answer(answer, words):
    report = check(LOSS, answer)
    assert report.outcome == "wrong" and report.slip is None and report.message.startswith(words)


def test_right_at_one_probe_and_wrong_at_another():
    def split(p_data, posterior, prior):
        aggregate = p_data @ posterior
        information = (p_data[:, None] * (torch.xlogy(posterior, posterior) - torch.xlogy(posterior, aggregate))).sum()
        return information + (posterior == 0).any(), (torch.xlogy(aggregate, aggregate / prior)).sum()

    message = check("10-beta-vae/split", split).message
    assert message.startswith("1 of 2 checks passed, the next did not.") and "certain" in message
