"""C11: a VRNN against an RNN with the same output family, and against T separate VAEs, on the chorales.

Whoever reads x_<t alone must state the four voices of a chord independently; z_t is what ties them together.
"""

from torch import Tensor

from dgm_tutor import data, models, training
from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen, qualified
from dgm_tutor.data import chorales
from dgm_tutor.models.base import Model

STEPS = 32
"""The length of a stretch: four bars of four quarters."""


def stretches(split: data.Split) -> Tensor:
    """The split's chorales cut into stretches of 32 eighths, each on its own: (m, 32 * 102)."""
    return data.windows(data.padded(chorales.one_hot(split.x), split.length), STEPS).flatten(1)


def create(name: str, seed: int, full: bool, **settings) -> Model:
    """A model of stretches, a symbol for each voice; the RNN twice as wide, which gives it the most weights."""
    hidden = (256 if full else 64) * (2 if name == "rnn" else 1)
    voices = {"x_dim": chorales.SYMBOLS, "likelihood": "categorical", "steps": STEPS}
    return models.create(name, seed=seed, hidden=hidden, **voices, **settings)


def train(model: Model, x: Tensor, steps: int, seed: int) -> Model:
    """The model after that many more steps."""
    training.fit(model, x, steps=steps, batch_size=64, lr=3e-3, seed=seed, progress=False)
    return model


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
    """The RNN is scored after every hundredth step and keeps its best held-out score, the others their last."""
    chosen = data.load("chorales")
    x, held_out = stretches(chosen.train), stretches(chosen.test)
    steps = 5000 if full else 700
    latent = {"z_dim": 32 if full else 8, "warm_up": steps // 4}
    rnn = create("rnn", seed, full)
    scores = [per_step(train(rnn, x, 100, 100 * seed + i).log_prob(held_out), held_out) for i in range(steps // 100)]
    vaes = train(create("vrnn", seed, full, recurrent=False, **latent), x, steps // 2, seed)
    vrnn = train(create("vrnn", seed, full, **latent), x, steps, seed)
    nll = {"RNN": min(scores), "separate VAEs": separate(vaes, held_out, full), "VRNN": bound(vrnn, held_out, full)}
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
        return confirmed(f"The VRNN's bound gains {numbers}; the RNN is scored exactly, at its best step in hindsight")
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
