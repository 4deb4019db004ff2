"""C7: a VAE whose prior is a flow has a smaller KL(q(z) || p(z)) than one whose prior is N(0, I).

The same encoder, decoder, digits, steps and seeds. KL(q(z) || p(z)) = rate - MI_q(x; z) is measured on the training
points, whose q(z) is a mixture that can be evaluated in full (``evaluation.information``).
"""

from dgm_tutor import data, evaluation, models, training
from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen

NETWORKS = {"z_dim": 2, "hidden": (128,)}
FLOWS = {"MAF": {"prior": "maf", "layers": 4}, "NAF": {"prior": "naf", "layers": 1}}
POINTS, STEPS = 2000, 1000


def measure(seed: int, full: bool) -> dict[str, float]:
    digits = data.load("mnist", full=full)
    fixed, figures = None, {}
    for name, settings in {"N(0, I)": None, **FLOWS}.items():
        recipe = "vae" if settings is None else "flow_prior_vae"
        model = models.create(recipe, seed=seed, **NETWORKS, **(settings or {}))
        steps = 50 * STEPS if full else STEPS
        training.fit(model, digits, steps=steps, seed=seed, transform=data.binarise, progress=False)
        x = (digits.train.pixels()[:POINTS].flatten(1) > 0.5).float().to(model.device)
        terms = evaluation.information(model, x, samples=2, seed=seed)
        figures[f"KL(q(z)||p(z)), prior {name} (nats)"] = kl = terms.kl_aggregate.value
        figures[f"MI_q, prior {name} (nats)"] = terms.mi_q.value
        figures[f"ELBO, prior {name} (nats)"] = -(terms.rate.value + terms.distortion.value)
        if fixed is None:
            fixed = kl
        else:
            figures[f"narrower by, prior {name} (nats)"] = fixed - kl
    return figures


def judge(figures: Figures) -> Verdict:
    narrower = {name: figures[f"narrower by, prior {name} (nats)"] for name in FLOWS}
    said = f"KL(q(z)||p(z)) is {figures['KL(q(z)||p(z)), prior N(0, I) (nats)']} nats with N(0, I), and smaller by " + (
        ", ".join(f"{gain} with {name}" for name, gain in narrower.items())
    )
    if all(gain.clearly_positive for gain in narrower.values()):
        return confirmed(said)
    return not_seen(f"{said}: within the spread")


CLAIM = Claim(
    "C7",
    "2 Autoregressive flow as a prior",
    "a flow prior on a VAE's z narrows KL(q(z) || p(z))",
    "none that the lecture names",
    measure,
    judge,
)
