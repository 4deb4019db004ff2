"""C14: do flows that are trained by a game alone become ill-conditioned?"""

import torch

from dgm_tutor import evaluation
from dgm_tutor.claims.c13 import FULL, QUICK, trained
from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen

POINTS = 16  # z ~ N(0, I) at which the Jacobian is taken


def measure(seed: int, full: bool, **sizes) -> dict[str, float]:
    numbers = {}
    dim = {**(FULL if full else QUICK), **sizes}["side"] ** 2
    z = torch.randn(POINTS, dim, generator=torch.Generator().manual_seed(seed))
    for name, t in (("MLE", 0.0), ("ADV", 1.0)):
        values = evaluation.singular_values(trained(t, seed, full, **sizes).cpu().density.transform, z).log10()
        numbers |= {
            f"log10 condition number, {name}": (values[:, 0] - values[:, -1]).median().item(),
            f"log10 smallest singular value, {name}": values[:, -1].median().item(),
            f"log10 largest singular value, {name}": values[:, 0].median().item(),
        }
    adv, mle = (numbers[f"log10 condition number, {name}"] for name in ("ADV", "MLE"))
    return numbers | {"log10 condition number, ADV - MLE": adv - mle, "log10 condition number, MLE - ADV": mle - adv}


def judge(figures: Figures) -> Verdict:
    adv, mle = (figures[f"log10 condition number, {name}"] for name in ("ADV", "MLE"))
    told = f"log10 of the condition number: ADV {adv}, MLE {mle}"
    if figures["log10 condition number, ADV - MLE"].clearly_positive:
        return confirmed(f"the adversarial flow's Jacobian is worse conditioned; {told}")
    if figures["log10 condition number, MLE - ADV"].clearly_positive:
        return not_seen(
            f"the order is reversed, {told}: likelihood squeezes the near-constant border pixels of the digits, "
            "and the game, as short as it is here, has hardly done so"
        )
    return not_seen(f"the two do not differ beyond their spread; {told}")


CLAIM = Claim(
    "C14",
    "6 FlowGAN",
    "flows trained by the adversarial game alone go ill-conditioned: their Jacobian's singular values spread",
    "MNIST: the adversarial model's singular values spread over far more orders of magnitude than the others' "
    "(Grover, Dhar, Ermon 2018; a figure, without numbers)",
    measure,
    judge,
)
