"""What the lecture claims, C1 to C21, as seeded experiments: ``dgm-tutor claims`` runs them.

A claim is a module ``cNN.py`` with one ``CLAIM``. Its ``measure(seed, full)`` trains or computes whatever it takes and
returns named numbers, and ``judge(figures)`` says, from their means and spread over seeds, whether the claim shows:

    def measure(seed: int, full: bool) -> dict[str, float]:
        ...
        return {"nll, VAE (nats)": a, "nll, PixelVAE (nats)": b, "gain (nats)": a - b}

    def judge(figures: Figures) -> Verdict:
        gain = figures["gain (nats)"]
        if gain.clearly_positive:
            return confirmed(f"PixelVAE is better by {gain} nats")
        return not_seen(f"the gain of {gain} nats is within its spread")

    CLAIM = Claim("C1", "1 PixelVAE", "better likelihood than ...", "80.64 against 87.41 nats", measure, judge)

Differences are taken seed by seed (same data, same noise), so that their spread is that of the difference. Quick form:
all seeds within three minutes on two cores; ``full`` is the same code with the paper's steps and sizes, for a GPU.
"""

from dgm_tutor.claims.claim import Claim, Figure, Figures, Verdict, confirmed, not_seen, qualified
from dgm_tutor.claims.registry import get, names
from dgm_tutor.claims.run import Result, run

__all__ = [
    "Claim",
    "Figure",
    "Figures",
    "Result",
    "Verdict",
    "confirmed",
    "get",
    "names",
    "not_seen",
    "qualified",
    "run",
]
