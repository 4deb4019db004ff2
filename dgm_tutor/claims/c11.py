"""C11: a VRNN against an RNN with the same output family, and against T separate VAEs, on the chorales.

Whoever reads x_<t alone must state the four voices of a chord independently; z_t is what ties them together.
"""

import copy
from collections.abc import Callable

from torch import Tensor

from dgm_tutor import data, models, training
from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen, qualified
from dgm_tutor.data import chorales
from dgm_tutor.models.base import Model

STEPS = 32
"""The length of a stretch: four bars of four quarters."""


VALIDATION = 44
"""Chorales of the training split that no model learns from: they say when each was at its best."""


def stretches(x: Tensor, length: Tensor) -> Tensor:
    """Chorales cut into stretches of 32 eighths, each on its own: (m, 32 * 102)."""
    return data.windows(data.padded(chorales.one_hot(x), length), STEPS).flatten(1)


def parts() -> tuple[Tensor, Tensor, Tensor]:
    """Stretches to learn from, to choose by, and to be scored on."""
    train, test = data.load("chorales").train, data.load("chorales").test
    learn, choose = slice(None, -VALIDATION), slice(-VALIDATION, None)
    return (
        stretches(train.x[learn], train.length[learn]),
        stretches(train.x[choose], train.length[choose]),
        stretches(test.x, test.length),
    )


def create(name: str, seed: int, full: bool, **settings) -> Model:
    """A model of stretches, a symbol for each voice; the RNN twice as wide, which gives it the most weights."""
    hidden = (256 if full else 64) * (2 if name == "rnn" else 1)
    voices = {"x_dim": chorales.SYMBOLS, "likelihood": "categorical", "steps": STEPS}
    return models.create(name, seed=seed, hidden=hidden, **voices, **settings)


def train(
    model: Model, x: Tensor, validation: Tensor, steps: int, seed: int, score: Callable[[Model, Tensor], Tensor]
) -> Model:
    """The model as it was at its best on the validation stretches, asked after every hundredth step."""
    best, kept = float("inf"), {}
    for start in range(0, steps, 100):
        training.fit(model, x, steps=100, batch_size=64, lr=3e-3, seed=steps * seed + start, progress=False)
        if (nll := per_step(score(model, validation), validation)) < best:
            best, kept = nll, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return model


def exactly(model: Model, x: Tensor) -> Tensor:
    """log p(x), (n,) nats."""
    return model.log_prob(x)


def by_bound(model: Model, x: Tensor) -> Tensor:
    """The ELBO, (n,) nats."""
    return model.elbo(x)


def per_step(log_p: Tensor, x: Tensor) -> float:
    """-log p of stretches x, in nats for each step that they hold."""
    steps = (~x.unflatten(1, (STEPS, -1)).isnan().any(-1)).sum()
    return float(-log_p.sum() / steps)


def bound(model: Model, x: Tensor, full: bool) -> float:
    """The importance-weighted bound on -log p, nats a step."""
    return per_step(model.log_marginal(x, 1000 if full else 64), x)


def separate(model: Model, x: Tensor, full: bool) -> float:
    """The same for separate VAEs: every step is weighed on its own, which gives them a tighter bound."""
    alone = x.unflatten(1, (STEPS, -1)).flatten(0, 1)
    alone = alone[~alone.isnan().any(-1)]
    return float(-model.log_marginal(alone, 1000 if full else 64).mean())


def measure(seed: int, full: bool) -> dict[str, float]:
    """All three learn from the same stretches and are scored once, at their best on the validation stretches."""
    x, validation, held_out = parts()
    steps = 5000 if full else 700
    latent = {"z_dim": 32 if full else 8, "warm_up": steps // 4}
    rnn = train(create("rnn", seed, full), x, validation, steps, seed, exactly)
    vaes = train(create("vrnn", seed, full, recurrent=False, **latent), x, validation, steps // 2, seed, by_bound)
    vrnn = train(create("vrnn", seed, full, **latent), x, validation, steps, seed, by_bound)
    nll = {
        "RNN": per_step(rnn.log_prob(held_out), held_out),
        "separate VAEs": separate(vaes, held_out, full),
        "VRNN": bound(vrnn, held_out, full),
    }
    return {
        **{f"nll, {name} (nats per step)": value for name, value in nll.items()},
        "gain over the RNN (nats per step)": nll["RNN"] - nll["VRNN"],
        "gain over separate VAEs (nats per step)": nll["separate VAEs"] - nll["VRNN"],
    }


def judge(figures: Figures) -> Verdict:
    over_rnn = figures["gain over the RNN (nats per step)"]
    over_vaes = figures["gain over separate VAEs (nats per step)"]
    numbers = f"{over_rnn} nats a step over the RNN, {over_vaes} over separate VAEs"
    if over_rnn.clearly_positive and over_vaes.clearly_positive:
        return confirmed(f"The VRNN's bound gains {numbers}; the RNN is scored exactly, the others by bounds")
    if over_vaes.clearly_positive:
        return qualified(f"Clear only over separate VAEs: {numbers}; the VRNN's figure is a bound, the RNN's exact")
    return not_seen(f"The VRNN's bound gains {numbers}")


CLAIM = Claim(
    "C11",
    "5 Variational RNN",
    "a VRNN has a higher likelihood on real sequences than an RNN with the same output family and than separate VAEs",
    "log-likelihood on Blizzard and TIMIT: RNN-GMM 7413 and 26643, VRNN-Gauss >= 9223 and 28805 (Chung et al. 2015)",
    measure,
    judge,
)
