"""C10: weak supervision. An MVAE's accuracy against the share of digits that come with their label.

With few labels a plain batch holds few pairs, and the unpaired digits would take the place of most of them. So pairs
are repeated until they are half of the rows, and a batch is twice as large: in as many steps as many pairs are seen as
by a model that is given the pairs alone, and the digits without a label come on top.
"""

import torch
from torch import Tensor

from dgm_tutor import data
from dgm_tutor.claims.c09 import accuracy, create, train
from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen, qualified
from dgm_tutor.data.pairs import binarised, digits_and_labels
from dgm_tutor.models.mvae import MVAE

SHARES = (1.0, 0.1, 0.01)
STEPS, BATCH = 600, 128


def measure(seed: int, full: bool) -> dict[str, float]:
    """Accuracy of the label inferred from the digit, for each share, and with the unpaired digits thrown away."""
    digits = data.load("mnist", full=full)
    x = digits_and_labels(digits.train)
    x = x[torch.randperm(len(x))]
    how = {"steps": 20_000 if full else STEPS, "seed": seed, "transform": binarised}
    found = {}
    for share in SHARES:
        pairs = round(share * len(x))
        alone = train(create(seed, full), x[:pairs], batch_size=BATCH, **how)
        found[share if share == 1 else f"{share:.0%}, pairs alone"] = accuracy(alone, digits.test)
        if share < 1:
            model = create(seed, full)
            weak = train(model, half_paired(model, x, pairs), batch_size=2 * BATCH, **how)
            found[share] = accuracy(weak, digits.test)
    accuracies = {
        f"accuracy, {key if isinstance(key, str) else f'{key:.0%}'} paired".replace("alone paired", "alone"): value
        for key, value in found.items()
    }
    gains = {f"gain from the unpaired at {s:.0%}": found[s] - found[f"{s:.0%}, pairs alone"] for s in SHARES[1:]}
    losses = {f"loss from all paired to {s:.0%}": found[1.0] - found[s] for s in SHARES[1:]}
    return accuracies | gains | losses


def half_paired(model: MVAE, x: Tensor, pairs: int) -> Tensor:
    """The first ``pairs`` rows of x, repeated, and as many of the others, which lose their label."""
    others = model.without(x[pairs:], "label", torch.ones(len(x) - pairs, dtype=torch.bool))
    again = torch.arange(len(others)) % pairs
    return torch.cat([x[again], others])


def judge(figures: Figures) -> Verdict:
    means = {name.removeprefix("accuracy, "): f for name, f in figures.items() if name.startswith("accuracy")}
    numbers = "; ".join(f"{name}: {figure}" for name, figure in means.items())
    helped = [name for name, f in figures.items() if name.startswith("gain") and f.clearly_positive]
    if len(helped) == len(SHARES) - 1:
        return confirmed(f"Digits without a label help at every share. Accuracy, {numbers}")
    if helped:
        where = ", ".join(name.removeprefix("gain from the unpaired at ") for name in helped)
        return qualified(f"Digits without a label clearly help at {where}. Accuracy, {numbers}")
    return not_seen(f"Digits without a label help at no share in as many steps. Accuracy, {numbers}")


CLAIM = Claim(
    "C10",
    "4 Multimodal",
    "under weak supervision an MVAE learns from few paired examples, helped by those that lack a modality",
    "MNIST: with some percent of pairs close to full supervision, in plots of accuracy (Wu and Goodman 2018)",
    measure,
    judge,
)
