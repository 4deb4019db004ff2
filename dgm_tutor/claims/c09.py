"""C9: one MVAE infers and generates with any modality missing: digit and label; colour, grey and edges."""

import torch
from torch import Tensor, nn

from dgm_tutor import data, models, training
from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen, qualified
from dgm_tutor.data.pairs import binarised, digits_and_labels
from dgm_tutor.models.mvae import MVAE

CHANCE = 0.1
VIEWS = ("colour", "grey", "edges")


def create(seed: int, full: bool) -> MVAE:
    """The MVAE of a digit and its label."""
    sizes = {"z_dim": 64, "hidden": (512, 512)} if full else {"z_dim": 16, "hidden": (128,)}
    return models.create("mvae", seed=seed, weights={"label": 50.0 if full else 10.0}, **sizes)


def train(model: MVAE, x: Tensor, steps: int, seed: int, **how) -> MVAE:
    """The model after that many steps; ``how`` goes to ``training.fit``."""
    training.fit(model, x, steps=steps, lr=2e-3, seed=seed, progress=False, **how)
    return model


@torch.no_grad()
def accuracy(model: MVAE, split: data.Split) -> float:
    """How often the likeliest label given the digit alone, decoded at q(z|digit)'s mean, is the right one."""
    digit = data.binarise(split.pixels()).flatten(1)
    label = model.decoder(model.infer({"digit": digit}).mean).parts["label"].probs.argmax(-1)
    return float((label == split.y).float().mean())


def judge_of_digits(split: data.Split, steps: int = 600) -> nn.Module:
    """A classifier that never saw the model: it says which digit a generated one is."""
    network = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    x = split.pixels().flatten(1)
    for _ in range(steps):
        rows = torch.randint(len(x), (128,))
        loss = nn.functional.cross_entropy(network(data.binarise(x[rows])), split.y[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval()


@torch.no_grad()
def agreement(model: MVAE, judge: nn.Module) -> float:
    """How often the judge finds in a digit, generated from a label, that label."""
    asked = torch.arange(10).repeat(100)
    drawn = model.generate({"label": torch.eye(10)[asked]})["digit"]
    return float((judge(drawn).argmax(-1) == asked).float().mean())


def views(split: data.Split, rows: slice) -> dict[str, Tensor]:
    """The colour digits' three views as floats in [0, 1], by name."""
    return {name: split.modalities[name][rows].flatten(1).float() / 255 for name in VIEWS}


@torch.no_grad()
def error(model: MVAE, seen: str, wanted: str, parts: dict[str, Tensor], own: bool) -> float:
    """Root mean square error of one view decoded from another one, the example's own or its neighbour's."""
    given = parts[seen] if own else parts[seen].roll(1, 0)
    mean = model.decoder(model.infer({seen: given}).mean).parts[wanted].mean
    return float((mean - parts[wanted]).square().mean().sqrt())


def measure(seed: int, full: bool) -> dict[str, float]:
    """Each direction beside what it would be by chance: of labels, a tenth; of views, from another example's."""
    digits = data.load("mnist", full=full)
    pair = train(
        create(seed, full), digits_and_labels(digits.train), 20_000 if full else 800, seed, transform=binarised
    )
    numbers = {
        "label from digit (accuracy)": accuracy(pair, digits.test),
        "digit from label (agreement with a classifier)": agreement(pair, judge_of_digits(digits.train)),
    }
    coloured = data.load("colour_digits", seed=seed)
    sizes = {"z_dim": 64, "hidden": (512,)} if full else {"z_dim": 16, "hidden": (128,)}
    triple = models.create("mvae", seed=seed, modalities="colour_grey_edges", **sizes)
    x = triple.join(views(coloured.train, slice(None if full else 4000)))
    train(triple, x, 10_000 if full else 250, seed, batch_size=64)
    held_out = views(coloured.test, slice(500))
    for seen, wanted in (("grey", "colour"), ("colour", "grey"), ("grey", "edges"), ("edges", "grey")):
        own, other = (error(triple, seen, wanted, held_out, flag) for flag in (True, False))
        numbers[f"{wanted} from {seen} (rms error)"] = own
        numbers[f"{wanted} from {seen}: gain over another example's (rms error)"] = other - own
    return numbers


def judge(figures: Figures) -> Verdict:
    label, digit = (figures[name] for name in figures if "rms" not in name)
    gains = {name.split(":")[0]: figure for name, figure in figures.items() if "gain" in name}
    weak = [name for name, gain in gains.items() if not gain.clearly_positive]
    weak += [
        name
        for name, figure in (("label from digit", label), ("digit from label", digit))
        if not (min(figure.values) > CHANCE and figure.mean - CHANCE > 2 * figure.standard_error)
    ]
    numbers = f"label from digit {label}, digit from label {digit} (by chance 0.1)"
    if not weak:
        return confirmed(f"{numbers}; each view is nearer when decoded from the example's own other view")
    if len(weak) < len(gains) + 2:
        return qualified(f"{numbers}; not beyond chance: {', '.join(weak)}")
    return not_seen(f"{numbers}; no direction is beyond chance")


CLAIM = Claim(
    "C9",
    "4 Multimodal",
    "one model infers and generates with any modality missing: digit and label; colour, grey and edge pictures",
    "shown in pictures and in tables of likelihoods on MNIST, FashionMNIST, MultiMNIST, CelebA (Wu and Goodman 2018)",
    measure,
    judge,
)
