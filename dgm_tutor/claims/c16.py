"""C16: VAE + GAN: a game over x sharpens the samples, at some cost in likelihood.

Sharpness is the variance of an image's Laplacian, as a share of the held-out digits' own; samples are mean images, of
the VAE too, since the likelihood's noise is no detail. The classifier's score and the Frechet distance say whether
what is sharp is a digit. The likelihood is the importance-weighted bound on held-out digits, never the game's value.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_tutor import data, evaluation, models, training
from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen, qualified

WEIGHTS = {"VAE": 0.0, "VAE + GAN": 10.0}
NETWORKS = {"x_dim": 196, "z_dim": 16, "hidden": (128,), "critic_hidden": (128, 128), "sigma": 0.3}
QUICK = {"steps": 1500, "images": 1000, "held_out": 200, "samples": 64}
FULL = {"steps": 50_000, "images": 10_000, "held_out": 2000, "samples": 1000}
LAPLACIAN = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


def measure(seed: int, full: bool, **sizes) -> dict[str, float]:
    form = {**(FULL if full else QUICK), **sizes}
    digits = data.load("mnist", full=full)
    train, test = (evaluation.resized(split.pixels().flatten(1), 14) for split in (digits.train, digits.test))
    real = sharpness(test)
    numbers = {}
    for name, weight in WEIGHTS.items():
        model = models.create("vae_gan", seed=seed, weight=weight, **NETWORKS)
        training.fit(model, train, steps=form["steps"], seed=seed, progress=False)
        model.cpu()
        with torch.no_grad():
            images = model.decoder(model.prior().sample((form["images"],))).mean
        scores = evaluation.sample_scores(images, test)
        numbers |= {
            f"sharpness, {name}": (sharpness(images.clamp(0, 1)) / real).item(),
            f"classifier score, {name}": scores.classifier_score.value,
            f"Frechet distance, {name}": scores.frechet,
            f"log p(x) bound, {name} (nats)": model.log_marginal(test[: form["held_out"]], form["samples"])
            .mean()
            .item(),
        }
    for gain, quantity, sign in (
        ("sharper by", "sharpness, {}", 1),
        ("score higher by", "classifier score, {}", 1),
        ("Frechet distance lower by", "Frechet distance, {}", -1),
        ("likelihood lower by (nats)", "log p(x) bound, {} (nats)", -1),
    ):
        numbers[gain] = sign * (numbers[quantity.format("VAE + GAN")] - numbers[quantity.format("VAE")])
    return numbers


def sharpness(images: Tensor) -> Tensor:
    """The mean over square images (n, D) of their Laplacian's variance over pixels."""
    side = round(images.shape[1] ** 0.5)
    edges = F.conv2d(images.reshape(-1, 1, side, side), LAPLACIAN[None, None].to(images))
    return edges.flatten(1).var(1).mean()


def judge(figures: Figures) -> Verdict:
    sharper, cost = figures["sharper by"], figures["likelihood lower by (nats)"]
    said = "; ".join(
        f"{name}: sharpness {figures[f'sharpness, {name}']} of the digits' own, classifier score "
        f"{figures[f'classifier score, {name}']}, Frechet {figures[f'Frechet distance, {name}']}, log p(x) >= "
        f"{figures[f'log p(x) bound, {name} (nats)']} nats"
        for name in WEIGHTS
    )
    if not sharper.clearly_positive:
        return not_seen(f"the game does not sharpen the samples beyond the spread. {said}")
    if not cost.clearly_positive:
        return qualified(f"sharper, at no cost in likelihood beyond the spread. {said}")
    if figures["score higher by"].clearly_positive or figures["Frechet distance lower by"].clearly_positive:
        return confirmed(f"sharper, and better digits, for {cost} nats. {said}")
    return qualified(f"sharper for {cost} nats, but not better digits: edges are not yet strokes. {said}")


CLAIM = Claim(
    "C16",
    "7 VAE + GAN",
    "a game over x beside the ELBO makes samples sharper, at some cost in likelihood",
    "none that the lecture names",
    measure,
    judge,
)
