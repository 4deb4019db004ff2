"""Games against a critic: divergences that are known by samples alone (sections 6, 7 and 9).

A critic compares the two joints over one variable: over "x" the real side is p_data and the generated one p_theta;
over "z" real is the prior p(z) and generated the aggregate posterior q(z). Its logit estimates log real - log
generated. What a critic minimises is cut from the graph of the other side, and each player moves its own parameters.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_tutor.objectives.draw import Draw, ExactDraw, Sample
from dgm_tutor.objectives.objective import Objective, Term

Critic = Callable[[Tensor], Tensor]
Answer = Callable[[Tensor], Tensor]  # what a loss makes of a critic's answers (n,)

NAMES = {"x": (r"p_{\text{data}}", r"p_\theta"), "z": ("p(z)", r"q_\phi(z)")}  # real, generated


@dataclass(frozen=True)
class Game:
    """A critic's game: the objective that the critic minimises, and the term that the other side minimises."""

    critic: Objective
    term: Term


def adversarial(kind: str, over: str, critic: Critic, smooth: float = 0.0) -> Game:
    """The game of that kind, over "x" or "z", against a critic, points (n, d) to numbers (n,).

    Args:
        kind: what the other side minimises. "jsd" (the saturating game), "non_saturating" (the same critic, another
            gradient; Goodfellow et al. 2014), "kl" (KL(generated || real) by the critic's density ratio),
            "least_squares" (Mao et al. 2017) or "wasserstein" (with a gradient penalty of 10, Gulrajani et al. 2017).
        smooth: the critic also minimises smooth / 2 E_real |grad C|^2, see ``slope``; "wasserstein" has its own penalty
            and takes no other.

    Raises:
        ValueError: a kind or a variable that there is not, or a negative ``smooth``.
    """
    if not 0 <= smooth < math.inf:
        raise ValueError(f"smooth={smooth!r}: expected a number >= 0 (a negative one would make the critic steep)")
    if over not in NAMES or kind not in _GAMES:
        raise ValueError(f"a game of kind {kind!r} over {over!r}: expected {', '.join(_GAMES)} over {', '.join(NAMES)}")
    game = _GAMES[kind](over, critic)
    if smooth and kind != "wasserstein":
        return Game(game.critic + smooth / 2 * slope(over, critic), game.term)
    return game


def cross_entropy(over: str, critic: Critic) -> Objective:
    """-E_real log D - E_generated log(1 - D), D = sigmoid(critic): log 4 - 2 JSD at the best critic (D10).

    At D = 1/2 it is log 4.
    """
    real = _held_real(over, r"-\log D", critic, lambda logit: F.softplus(-logit))
    return real + _held_generated(over, r"-\log(1 - D)", critic, F.softplus)


def jsd(over: str, critic: Critic) -> Term:
    """(E_real log D + E_generated log(1 - D) + log 4) / 2: at the best critic the JSD, in [0, log 2]; else below it."""
    return Term(f"jsd({over})", rf"\mathrm{{JSD}}({', '.join(NAMES[over])})", partial(_jsd, over, critic))


def non_saturating(over: str, critic: Critic) -> Term:
    """-E_generated log D: where the critic is sure, its gradient is large and the JSD's vanishes.

    It is no divergence. At the best critic its gradient is that of KL(generated || real) - 2 JSD (Arjovsky and Bottou
    2017, theorem 2.5), which rests where the two sides agree, as the JSD's does, and seeks modes on the way.
    """
    return _generated_term(f"non_saturating({over})", over, r"-\log D", critic, lambda logit: F.softplus(-logit))


def density_ratio_kl(over: str, critic: Critic) -> Term:
    """KL(generated || real) = E_generated[log generated - log real], the ratio read off the critic's logit."""
    latex = rf"\mathrm{{KL}}({NAMES[over][1]}\,\|\,{NAMES[over][0]})"
    return Term(f"kl({over})", latex, partial(_expectation, _generated, over, critic, torch.neg))


def best_critic(draw: ExactDraw, over: str) -> Critic:
    """D* = real / (real + generated) of a finite world (D10), as the logit log real - log generated, held fixed."""
    logits = _real(draw, over).probs.log() - _generated(draw, over).probs.log()
    return lambda points: points @ logits.detach()


def _jensen_shannon(over: str, critic: Critic) -> Game:
    return Game(cross_entropy(over, critic), jsd(over, critic))


def _non_saturating(over: str, critic: Critic) -> Game:
    return Game(cross_entropy(over, critic), non_saturating(over, critic))


def _kullback_leibler(over: str, critic: Critic) -> Game:
    return Game(cross_entropy(over, critic), density_ratio_kl(over, critic))


def _least_squares(over: str, critic: Critic) -> Game:
    to_one, to_zero = lambda c: (c - 1).square() / 2, lambda c: c.square() / 2
    real = _held_real(over, r"\tfrac12 (C - 1)^2", critic, to_one)
    made = _held_generated(over, r"\tfrac12 C^2", critic, to_zero)
    return Game(real + made, _generated_term(f"least_squares({over})", over, r"\tfrac12 (C - 1)^2", critic, to_one))


def _wasserstein(over: str, critic: Critic) -> Game:
    real = _held_real(over, "-C", critic, torch.neg)
    made = _held_generated(over, "C", critic, torch.positive)
    term = Term(f"wasserstein({over})", rf"W_1({', '.join(NAMES[over])})", partial(_distance, over, critic))
    return Game(real + made + 10.0 * gradient_penalty(over, critic), term)


def gradient_penalty(over: str, critic: Critic) -> Term:
    """E (|grad C| - 1)^2 at random points between a real and a generated one: holds the critic near slope one."""
    latex = r"\mathbb{E}(\|\nabla C\| - 1)^2"
    return Term(f"gradient_penalty({over})", latex, partial(_gradient_penalty, over, critic))


def slope(over: str, critic: Critic) -> Term:
    """E_real |grad C|^2, the penalty R1 (Mescheder et al. 2018): a game so damped settles, where it circled before.

    Without it the critic's slope grows without bound where the two sides hardly overlap, and what it moves is thrown
    across the target. Where real = generated the best critic is flat, so the penalty asks for nothing there.
    """
    latex = rf"\mathbb{{E}}_{{{NAMES[over][0]}}}\!\left[|\nabla C|^2\right]"
    return Term(f"slope({over})", latex, partial(_slope, over, critic))


_GAMES = {
    "jsd": _jensen_shannon,
    "non_saturating": _non_saturating,
    "kl": _kullback_leibler,
    "least_squares": _least_squares,
    "wasserstein": _wasserstein,
}
KINDS = tuple(_GAMES)


def _real(draw: Draw, over: str) -> Sample:
    return draw.q("x") if over == "x" else draw.p("z")


def _generated(draw: Draw, over: str) -> Sample:
    return draw.p("x") if over == "x" else draw.q("z")


def _held(side: Callable[[Draw, str], Sample], draw: Draw, over: str) -> Sample:
    """A side's points for the critic, cut from their graph, which is left to who made them."""
    return side(draw, over).detach()


# What terms are worth. The critic is an argument and not enclosed: a copy of a model, copied with its terms, then asks
# its own critic.


def _expectation(side: Callable[[Draw, str], Sample], over: str, critic: Critic, of: Answer, draw: Draw) -> Tensor:
    """A side's mean of what ``of`` makes of the critic's answers."""
    sample = side(draw, over)
    return sample.mean(of(critic(sample.points)))


def _held_expectation(side: Callable[[Draw, str], Sample], over: str, critic: Critic, of: Answer, draw: Draw) -> Tensor:
    sample = _held(side, draw, over)
    return sample.mean(of(critic(sample.points)))


def _jsd(over: str, critic: Critic, draw: Draw) -> Tensor:
    real, made = _real(draw, over), _generated(draw, over)
    log_d, log_not_d = -F.softplus(-critic(real.points)), -F.softplus(critic(made.points))
    return (real.mean(log_d) + made.mean(log_not_d) + math.log(4)) / 2


def _distance(over: str, critic: Critic, draw: Draw) -> Tensor:
    real, made = (_expectation(side, over, critic, torch.positive, draw) for side in (_real, _generated))
    return real - made


def _gradient_penalty(over: str, critic: Critic, draw: Draw) -> Tensor:
    real, made = _held(_real, draw, over), _held(_generated, draw, over)
    if real.probs is not None:
        raise TypeError("a gradient penalty needs points between the samples: a finite world has none")
    share = torch.rand(len(real.points), 1, dtype=real.points.dtype, device=real.points.device)
    between = torch.lerp(real.points, made.points, share).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (slope.norm(dim=-1) - 1).square().mean()


def _slope(over: str, critic: Critic, draw: Draw) -> Tensor:
    real = _held(_real, draw, over)
    (gradient,) = torch.autograd.grad(critic(real.points.requires_grad_()).sum(), real.points, create_graph=True)
    return real.mean(gradient.square().sum(-1))


def _generated_term(name: str, over: str, latex: str, critic: Critic, of: Answer) -> Term:
    latex = rf"\mathbb{{E}}_{{{NAMES[over][1]}}}\!\left[{latex}\right]"
    return Term(name, latex, partial(_expectation, _generated, over, critic, of))


def _held_real(over: str, latex: str, critic: Critic, of: Answer) -> Objective:
    latex = rf"\mathbb{{E}}_{{{NAMES[over][0]}}}\!\left[{latex}\right]"
    return 1.0 * Term(f"real({over})", latex, partial(_held_expectation, _real, over, critic, of))


def _held_generated(over: str, latex: str, critic: Critic, of: Answer) -> Objective:
    latex = rf"\mathbb{{E}}_{{{NAMES[over][1]}}}\!\left[{latex}\right]"
    return 1.0 * Term(f"generated({over})", latex, partial(_held_expectation, _generated, over, critic, of))
