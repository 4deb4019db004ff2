"""C13: the FlowGAN table on digits: which objective has the likelihood, and which the samples."""

from collections.abc import Callable

import torch
from torch import Tensor

from dgm_tutor import data, evaluation, models, training
from dgm_tutor.claims.claim import Claim, Figure, Figures, Verdict, confirmed, not_seen, qualified
from dgm_tutor.models.flow_gan import FlowGan

T = {"MLE": 0.0, "hybrid": 0.5, "ADV": 1.0}  # at 1/2 likelihood and game weigh alike, the table's lambda = 1
QUICK = {"side": 8, "levels": 16, "steps": 1500, "batch_size": 64, "lr": 2e-3, "images": 1000}
FULL = {"side": 28, "levels": 256, "steps": 50_000, "batch_size": 100, "lr": 2e-4, "images": 2000}
NETWORKS = {"game": "wasserstein", "critic_steps": 2, "layers": 4, "hidden": (64,), "critic_hidden": (128, 128)}
FULL_NETWORKS = {
    "game": "wasserstein",
    "critic_steps": 5,
    "layers": 8,
    "hidden": (512, 512),
    "critic_hidden": (512, 512),
}


def digits(side: int) -> tuple[Tensor, Tensor]:
    """Embedded training and test digits of that side, grey levels in [0, 1], flattened."""
    mnist = data.load("mnist")
    train, test = (evaluation.resized(split.pixels().flatten(1), side) for split in (mnist.train, mnist.test))
    return train, test


def trained(t: float, seed: int, full: bool, **sizes) -> FlowGan:
    """A flow of dequantised digits, the objective's share t of the game; ``sizes`` replace the form's own."""
    form = {**(FULL if full else QUICK), **sizes}
    networks = FULL_NETWORKS if full else NETWORKS
    model = models.create("flow_gan", seed=seed, x_dim=form["side"] ** 2, t=t, **networks)
    spread: Callable[[Tensor], Tensor] = lambda x: data.dequantise(x, form["levels"])  # noqa: E731
    how = {key: form[key] for key in ("steps", "batch_size", "lr")}
    training.fit(model, digits(form["side"])[0], seed=seed, progress=full, transform=spread, **how)
    return model


def measure(seed: int, full: bool, **sizes) -> dict[str, float]:
    form = {**(FULL if full else QUICK), **sizes}
    test = digits(form["side"])[1]
    spread = data.dequantise(test, form["levels"], torch.Generator().manual_seed(seed))
    real = evaluation.sample_scores(test[form["images"] // 2 :], test[: form["images"] // 2])
    numbers = {"classifier score, test digits": real.classifier_score.value}
    for name, t in T.items():
        model = trained(t, seed, full, **sizes).cpu().double()
        scores = evaluation.sample_scores(model.sample(form["images"]).float().nan_to_num(0.0), test)
        bits = evaluation.bits_per_dim(model.log_prob(spread.double()).mean(), form["side"] ** 2, form["levels"])
        numbers |= {
            f"classifier score, {name}": scores.classifier_score.value,
            f"Frechet distance, {name}": scores.frechet,
            f"log10 NLL, {name} (bits/dim)": bits.log10().item(),
            f"NLL, {name} (bits/dim)": bits.item(),
        }
    for quantity, short in (("classifier score, {}", "score"), ("log10 NLL, {} (bits/dim)", "log10 NLL")):
        for first, second in (("ADV", "MLE"), ("hybrid", "MLE"), ("ADV", "hybrid")):
            numbers[f"{short}, {first} - {second}"] = numbers[quantity.format(first)] - numbers[quantity.format(second)]
    return numbers


COLUMNS = {  # the lecture's order MLE, hybrid, ADV, a step at a time up each column
    "likelihood": {
        "log10 NLL, hybrid - MLE": "MLE more likely than hybrid",
        "log10 NLL, ADV - hybrid": "hybrid more likely than ADV",
    },
    "samples": {
        "score, hybrid - MLE": "hybrid scored above MLE",
        "score, ADV - hybrid": "ADV scored above hybrid",
    },
}


def judge(figures: Figures) -> Verdict:
    """Confirmed where both columns are in the lecture's order, qualified where one is, else not seen.

    A column is in order when each of its steps is clearly there; one that is within the spread of the seeds is not.
    """
    told, in_order = [], 0
    for column in COLUMNS.values():
        outcomes = {step: _outcome(figures[difference]) for difference, step in column.items()}
        in_order += set(outcomes.values()) == {"seen"}
        told += [f"{step}: {outcome}" for step, outcome in outcomes.items()]
    table = "; ".join(
        f"{name}: score {figures[f'classifier score, {name}']}, "
        f"log10 of bits/dim {figures[f'log10 NLL, {name} (bits/dim)']}"
        for name in T
    )
    if in_order == len(COLUMNS):
        return confirmed(f"both columns in the lecture's order. {table}")
    why = (
        f"{'; '.join(told)}. {table}. At lambda = 1 a likelihood in nats outweighs the game, and the game alone needs "
        "far more steps than these to draw well"
    )
    return qualified(why) if in_order else not_seen(why)


def _outcome(difference: Figure) -> str:
    if difference.clearly_positive:
        return "seen"
    turned = Figure(tuple(-value for value in difference.values))
    return "the other way round" if turned.clearly_positive else "within the spread"


CLAIM = Claim(
    "C13",
    "6 FlowGAN",
    "maximum likelihood gives the best likelihood and the worst samples, the adversarial game the reverse, lambda = 1 "
    "lies between",
    "CIFAR-10, inception score and test bits/dim: MLE 2.92, 3.54; ADV 5.76, 8.53; hybrid 3.90, 4.21 (lecture's table)",
    measure,
    judge,
)
