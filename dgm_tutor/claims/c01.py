"""C1: a PixelVAE's likelihood is better than that of a VAE with independent pixels, for the same time of training.

Digits of 14 x 14 pixels, averaged from 28 x 28, binarised anew for every batch; z of 16 dimensions in both. A VAE takes
about eight steps in the time of one, so it is given eight; the ratio of the processor's seconds is among the figures.
"""

import time

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_tutor import data, models, training
from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen
from dgm_tutor.models import Model

X_DIM, TEST, SAMPLES = 14 * 14, 500, 20
STEPS, VAE_STEPS = 1500, 12_000
VAE = {"x_dim": X_DIM, "z_dim": 16}
PIXEL_VAE = VAE | {"layers": 1}


def measure(seed: int, full: bool) -> dict[str, float]:
    longer, train, test = 50 if full else 1, digits("train", full), digits("test", full)[:TEST]
    vae, vae_seconds = trained("vae", VAE, train, VAE_STEPS * longer, 1e-3, seed)
    pixel_vae, seconds = trained("pixel_vae", PIXEL_VAE, train, STEPS * longer, 3e-3, seed)
    nll = {"VAE": nats(vae, test, seed), "PixelVAE": nats(pixel_vae, test, seed)}
    return {
        "-log p(x) at most, VAE (nats)": nll["VAE"],
        "-log p(x) at most, PixelVAE (nats)": nll["PixelVAE"],
        "gain (nats)": nll["VAE"] - nll["PixelVAE"],
        "training time, VAE / PixelVAE": vae_seconds / seconds,
    }


def digits(split: str, full: bool) -> Tensor:
    """Grey digits (n, 196) in [0, 1]: the means of 2 x 2 pixels."""
    images = getattr(data.load("mnist", full=full), split).pixels()
    return F.avg_pool2d(images.unsqueeze(1), 2).flatten(1)


def trained(name: str, settings: dict, x: Tensor, steps: int, lr: float, seed: int) -> tuple[Model, float]:
    """The model, and the processor's seconds that it took."""
    model, start = models.create(name, seed=seed, **settings), time.process_time()
    training.fit(model, x, steps=steps, batch_size=64, lr=lr, seed=seed, transform=data.binarise, progress=False)
    return model, time.process_time() - start


def nats(model: Model, grey: Tensor, seed: int) -> float:
    """-log p(x) of one binarisation of the digits: exact where the model has it, else its importance-weighted bound."""
    x = data.binarise(grey, torch.Generator().manual_seed(seed))
    try:
        return -model.log_prob(x).mean().item()
    except models.Intractable:
        return -model.log_marginal(x, samples=SAMPLES).mean().item()


def judge(figures: Figures) -> Verdict:
    gain, ratio = figures["gain (nats)"], figures["training time, VAE / PixelVAE"]
    said = f"PixelVAE is better by {gain} nats; the VAE trained for {ratio} times as long"
    return confirmed(said) if gain.clearly_positive else not_seen(f"{said}: no gain beyond the spread")


CLAIM = Claim(
    "C1",
    "1 PixelVAE",
    "a PixelVAE's likelihood is better than that of a VAE with independent pixels at the same budget",
    "Gulrajani et al. 2017, binarised MNIST: PixelVAE 80.64 nats or fewer, convolutional VAE 87.41",
    measure,
    judge,
)
