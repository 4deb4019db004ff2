"""C10: weak supervision. An MVAE's accuracy against the share of digits that come with their label."""

import torch

from dgm_tutor import data
from dgm_tutor.claims.c09 import accuracy, binarised, create, digits_and_labels, train
from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen, qualified

SHARES = (1.0, 0.1, 0.01)


def measure(seed: int, full: bool) -> dict[str, float]:
    """Accuracy of the label inferred from the digit, for each share, and with the unpaired digits thrown away."""
    digits = data.load("mnist", full=full)
    x = digits_and_labels(digits.train)
    x = x[torch.randperm(len(x))]
    steps = 20_000 if full else 600
    found = {}
    for share in SHARES:
        pairs = round(share * len(x))
        model = create(seed, full)
        weak = model.without(x, "label", torch.arange(len(x)) >= pairs)
        found[share] = accuracy(train(model, weak, steps, seed, transform=binarised), digits.test)
        if share < 1:
            alone = train(create(seed, full), x[:pairs], steps, seed, transform=binarised)
            found[f"{share:.0%}, pairs alone"] = accuracy(alone, digits.test)
    accuracies = {
        f"accuracy, {key if isinstance(key, str) else f'{key:.0%}'} paired".replace("alone paired", "alone"): value
        for key, value in found.items()
    }
    gains = {f"gain from the unpaired at {s:.0%}": found[s] - found[f"{s:.0%}, pairs alone"] for s in SHARES[1:]}
    losses = {f"loss from all paired to {s:.0%}": found[1.0] - found[s] for s in SHARES[1:]}
    return accuracies | gains | losses


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
