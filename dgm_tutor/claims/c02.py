"""C2: a PixelVAE with one autoregressive layer has as good a likelihood as a PixelCNN with several.

The same digits, batches and learning rate as in C1. The PixelVAE's likelihood is a bound: the truth is better.
"""

from dgm_tutor.claims import c01
from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen, qualified

LAYERS, STEPS = 4, 1200
MARGIN = 1.0  # nats that count as "as good"


def measure(seed: int, full: bool) -> dict[str, float]:
    steps, train = STEPS * (50 if full else 1), c01.digits("train", full)
    test = c01.digits("test", full)[: c01.TEST]
    deep = {"x_dim": c01.X_DIM, "layers": LAYERS}
    pixelcnn, seconds = c01.trained("pixelcnn", deep, train, steps, 3e-3, seed)
    pixel_vae, shallow_seconds = c01.trained("pixel_vae", c01.PIXEL_VAE, train, steps, 3e-3, seed)
    nll = c01.nats(pixelcnn, test, seed), c01.nats(pixel_vae, test, seed)
    return {
        f"-log p(x), PixelCNN of {LAYERS} layers (nats)": nll[0],
        "-log p(x) at most, PixelVAE of 1 layer (nats)": nll[1],
        "gain (nats)": nll[0] - nll[1],
        f"gain, with {MARGIN:g} nat of grace (nats)": nll[0] - nll[1] + MARGIN,
        "training time, PixelCNN / PixelVAE": seconds / shallow_seconds,
    }


def judge(figures: Figures) -> Verdict:
    gain, graced = figures["gain (nats)"], figures[f"gain, with {MARGIN:g} nat of grace (nats)"]
    said = f"PixelVAE of 1 autoregressive layer against PixelCNN of {LAYERS}: better by {gain} nats"
    if gain.clearly_positive:
        return confirmed(said)
    return qualified(f"{said}, within {MARGIN:g} nat") if graced.clearly_positive else not_seen(said)


CLAIM = Claim(
    "C2",
    "1 PixelVAE",
    "a PixelVAE has as good a likelihood as a plain PixelCNN, with fewer autoregressive layers",
    "Gulrajani et al. 2017, binarised MNIST: gated PixelVAE 80.08 nats or fewer, PixelCNN 81.30",
    measure,
    judge,
)
