"""C4: a decoder that is too strong empties z: the rate against the number of autoregressive layers.

Each layer adds one row and one column to what a pixel sees of its neighbours: with eight it sees more than half of the
rows of a digit of 14 x 14. The same digits, steps and seeds for all, and the ELBO from the first step, as a warm-up is
there to keep z in use. With 500 steps in the place of 600 the fall was within the spread.
"""

import torch

from dgm_tutor import data
from dgm_tutor.claims import c01
from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen, qualified

LAYERS, STEPS = (1, 8), 600
EMPTY = 0.1  # nats


def measure(seed: int, full: bool) -> dict[str, float]:
    train, steps = c01.digits("train", full), STEPS * (50 if full else 1)
    x = data.binarise(c01.digits("test", full)[: c01.TEST], torch.Generator().manual_seed(seed))
    figures, rates = {}, []
    for layers in LAYERS:
        settings = c01.PIXEL_VAE | {"layers": layers, "warm_up": 0}
        model, _ = c01.trained("pixel_vae", settings, train, steps, 3e-3, seed)
        with torch.no_grad():
            loss = model.loss(x)
        rates.append(loss.terms["rate"][1].item())
        figures[f"rate, {layers} layers (nats)"] = rates[-1]
        figures[f"-ELBO, {layers} layers (nats)"] = loss.total.item()
    return figures | {"rate lost to layers (nats)": rates[0] - rates[-1]}


def judge(figures: Figures) -> Verdict:
    lost, last = figures["rate lost to layers (nats)"], figures[f"rate, {LAYERS[-1]} layers (nats)"]
    rates = ", ".join(f"{layers}: {figures[f'rate, {layers} layers (nats)']}" for layers in LAYERS)
    said = f"the rate by autoregressive layers, in nats: {rates}"
    if not lost.clearly_positive:
        return not_seen(f"{said}; the fall of {lost} is within the spread")
    return confirmed(said) if last.mean < EMPTY else qualified(f"{said}; it falls by {lost}, but z is not empty")


CLAIM = Claim(
    "C4",
    "1 PixelVAE",
    "a decoder that is too strong empties z: the rate falls to 0 as autoregressive layers are added",
    "none that the lecture names",
    measure,
    judge,
)
