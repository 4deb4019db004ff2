"""C3: a PixelVAE learns features: a linear probe on z tells the digits, where a PixelCNN has no z to probe.

The probe reads the means of q(z|x); the same probe on an untrained encoder's means says what training adds.
"""

from dgm_tutor import data, models
from dgm_tutor.claims import c01
from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen, qualified
from dgm_tutor.evaluation.probe import probe_accuracy
from dgm_tutor.models import LatentVariableModel


def measure(seed: int, full: bool) -> dict[str, float]:
    train, steps = c01.digits("train", full), c01.STEPS * (50 if full else 1)
    model, _ = c01.trained("pixel_vae", c01.PIXEL_VAE, train, steps, 3e-3, seed)
    digits = data.load("mnist", full=full)
    chance = digits.test.y.bincount().max().item() / len(digits.test)
    learned = accuracy(model, full)
    untrained = accuracy(models.create("pixel_vae", seed=seed, **c01.PIXEL_VAE), full)
    return {
        "accuracy, probe on z": learned,
        "accuracy, probe on an untrained z": untrained,
        "accuracy, largest class": chance,
        "above chance": learned - chance,
        "above an untrained z": learned - untrained,
    }


def accuracy(model: LatentVariableModel, full: bool) -> float:
    """Of a linear probe on the means of q(z|x), fitted on the training digits and scored on the test digits."""
    digits = data.load("mnist", full=full)
    codes = [
        model.posterior(c01.digits(split, full).to(model.device)).mean.detach().cpu() for split in ("train", "test")
    ]
    return probe_accuracy(codes[0], digits.train.y, codes[1], digits.test.y)


def judge(figures: Figures) -> Verdict:
    above, trained = figures["above chance"], figures["above an untrained z"]
    said = (
        f"a linear probe on z is right for {figures['accuracy, probe on z']} of the test digits, {above} above chance"
    )
    if above.clearly_positive and trained.clearly_positive:
        return confirmed(f"{said} and {trained} above an untrained encoder; a PixelCNN has no z")
    if above.clearly_positive:
        return qualified(f"{said}, but not clearly above an untrained encoder ({trained})")
    return not_seen(said)


CLAIM = Claim(
    "C3",
    "1 PixelVAE",
    "a PixelVAE learns features, as a linear probe on z shows, which a PixelCNN does not offer",
    "none that the lecture names",
    measure,
    judge,
)
