"""C12: the VRNN's learned prior p(z_t|h_{t-1}) against VRNN-I's N(0, I), on the chorales."""

from dgm_tutor.claims.c11 import bound, by_bound, create, parts, train
from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen, qualified

PRIORS = {"VRNN": "learned", "VRNN-I": "standard"}


def measure(seed: int, full: bool) -> dict[str, float]:
    """Both with the same data in the same order, and the same sizes but for the prior's network."""
    x, validation, held_out = parts()
    steps = 5000 if full else 600
    latent = {"z_dim": 32 if full else 8, "warm_up": steps // 4}
    nll, rate = {}, {}
    for name, prior in PRIORS.items():
        model = train(create("vrnn", seed, full, prior=prior, **latent), x, validation, steps, seed, by_bound)
        nll[name] = bound(model, held_out, full)
        terms = model.loss(held_out).terms
        rate[name] = terms["rate"][1].item() / sum(value.item() for _, value in terms.values())
    return {
        **{f"nll, {name} (nats per step)": value for name, value in nll.items()},
        **{f"share of the rate in the bound, {name}": value for name, value in rate.items()},
        "gain of the learned prior (nats per step)": nll["VRNN-I"] - nll["VRNN"],
    }


def judge(figures: Figures) -> Verdict:
    gain = figures["gain of the learned prior (nats per step)"]
    if gain.clearly_positive:
        return confirmed(f"The learned prior gains {gain} nats a step")
    if gain.mean > 0:
        return qualified(f"The learned prior gains {gain} nats a step, within the spread over seeds")
    return not_seen(f"The learned prior gains {gain} nats a step: the state reaches the decoder past z anyway")


CLAIM = Claim(
    "C12",
    "5 Variational RNN",
    "the VRNN's learned prior matters: with N(0, I) in its place the likelihood is lower",
    "log-likelihood on Blizzard and TIMIT: VRNN-I-Gauss 8933 and 28340, VRNN-Gauss 9223 and 28805 (Chung et al. 2015)",
    measure,
    judge,
)
