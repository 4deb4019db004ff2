"""C21: models ranked by likelihood, by samples and by representation: do the rankings agree?"""

from collections.abc import Mapping
from itertools import combinations, permutations

import torch
from torch import Tensor

from dgm_tutor import data, evaluation, models, training
from dgm_tutor.claims.claim import Claim, Figure, Figures, Verdict, confirmed, not_seen, qualified
from dgm_tutor.evaluation.probe import probe_accuracy
from dgm_tutor.models.density import DensityModel

MODELS = {
    "PixelCNN": ("pixelcnn", {"layers": 2, "channels": 16}),
    "PixelVAE": ("pixel_vae", {"layers": 1, "channels": 16, "z_dim": 16, "warm_up": 100}),
    "VAE": ("vae", {"hidden": (200,), "z_dim": 16}),
    "beta-VAE (1/4)": ("beta_vae", {"hidden": (200,), "z_dim": 16, "beta": 0.25}),
}
BOARDS = {
    "likelihood": "log p(x), {} (nats)",
    "samples": "classifier score, {}",
    "representation": "probe accuracy, {}",
}
QUICK = {"side": 14, "steps": 300, "batch_size": 64, "images": 300, "bounded": 100, "importance": 16}
FULL = {"side": 28, "steps": 30_000, "batch_size": 128, "images": 2000, "bounded": 2000, "importance": 500}


def measure(seed: int, full: bool, **sizes) -> dict[str, float]:
    form = {**(FULL if full else QUICK), **sizes}
    mnist = data.load("mnist")
    train, test = (evaluation.resized(half.pixels().flatten(1), form["side"]) for half in (mnist.train, mnist.test))
    x = data.binarise(test, torch.Generator().manual_seed(seed))
    numbers = {"classifier score, test digits": evaluation.sample_scores(x[:1000], x[1000:]).classifier_score.value}
    for name, (recipe, settings) in MODELS.items():
        model = models.create(recipe, seed=seed, x_dim=form["side"] ** 2, **settings)
        how = {"batch_size": form["batch_size"], "lr": 2e-3, "seed": seed, "transform": data.binarise, "progress": full}
        training.fit(model, train, steps=form["steps"], **how)
        model = model.cpu()
        rows = x[: form["bounded"]]
        exact = isinstance(model, DensityModel)
        log_p = model.log_prob(rows) if exact else model.log_marginal(rows, samples=form["importance"])
        samples = evaluation.sample_scores(model.sample(form["images"]), x)
        numbers |= {
            BOARDS["likelihood"].format(name): log_p.mean().item(),
            BOARDS["samples"].format(name): samples.classifier_score.value,
            f"Frechet distance, {name}": samples.frechet,
            BOARDS["representation"].format(name): chance(mnist.test.y) if exact else probed(model, train, x, mnist),
        }
    return numbers


def chance(labels: Tensor) -> float:
    """What a model without a representation of x knows of its label: the largest class."""
    return labels.bincount().max().item() / len(labels)


@torch.no_grad()
def probed(model: models.LatentVariableModel, train: Tensor, test: Tensor, mnist: data.Dataset) -> float:
    """Accuracy of a linear probe on the means of q(z|x)."""
    codes = (model.posterior(half).mean for half in (data.binarise(train), test))
    return probe_accuracy(next(codes), mnist.train.y, next(codes), mnist.test.y)


def contradictions(figures: Mapping[str, Figure], first: str, second: str) -> list[tuple[str, str]]:
    """Pairs (a, b) of models: a clearly above b on the first board, and clearly below it on the second."""

    def above(board: str, a: str, b: str) -> bool:
        better, worse = (figures[BOARDS[board].format(name)].values for name in (a, b))
        return Figure(tuple(x - y for x, y in zip(better, worse, strict=True))).clearly_positive

    return [(a, b) for a, b in permutations(MODELS, 2) if above(first, a, b) and above(second, b, a)]


def judge(figures: Figures) -> Verdict:
    found = {boards: contradictions(figures, *boards) for boards in combinations(BOARDS, 2)}
    told = "; ".join(
        f"{a} is clearly above {b} by {first} and clearly below by {second}"
        for (first, second), pairs in found.items()
        for a, b in pairs[:1]
    )
    best = {board: max(MODELS, key=lambda name: figures[key.format(name)].mean) for board, key in BOARDS.items()}
    first_places = "best by " + ", by ".join(f"{board}: {name}" for board, name in best.items())
    if all(found.values()):
        return confirmed(f"every two of the three rankings contradict each other: {told}; {first_places}")
    if any(found.values()):
        agree = " and ".join(f"{a} with {b}" for (a, b), pairs in found.items() if not pairs)
        return qualified(f"{told}; no contradiction beyond the spread of {agree}; {first_places}")
    return not_seen(f"no two models are clearly in another order on another board; {first_places}")


CLAIM = Claim(
    "C21",
    "12 Which one is best?",
    "models ranked by likelihood, by sample score and by representation are ranked differently",
    "none in the lecture; Theis et al. 2016 show that likelihood and sample quality are largely independent",
    measure,
    judge,
)
