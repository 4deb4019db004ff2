"""C15: an adversarial autoencoder's q(z) matches a prior that has no closed-form KL: a swiss roll, a mixture.

Draws of q(z) on held-out digits against as many of the prior, by the permutation test of the MMD. Beside them: the same
autoencoder trained without the game, its encoder before training, and a Gaussian with the prior's own mean and
covariance, which the test must tell apart, or it would have no power for the shape.
"""

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from dgm_tutor import data, evaluation, models, training
from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen, qualified

PRIORS = {"swiss_roll": "swiss roll", "mixture": "mixture"}
NETWORKS = {"x_dim": 196, "z_dim": 2, "hidden": (128,)}
QUICK = {"steps": 5000, "points": 500}
FULL = {"steps": 50_000, "points": 2000}
BASELINES = ("no game", "untrained", "Gaussian of its moments")


def measure(seed: int, full: bool, **sizes) -> dict[str, float]:
    form = {**(FULL if full else QUICK), **sizes}
    digits = data.load("mnist", full=full)
    train, test = (evaluation.resized(split.pixels().flatten(1), 14) for split in (digits.train, digits.test))
    test = data.binarise(test[torch.randperm(len(test))[: form["points"]]])
    options = {"steps": form["steps"], "seed": seed, "transform": data.binarise, "progress": False, "device": "cpu"}
    plain = models.create("aae", seed=seed, weight=0.0, **NETWORKS)  # no game, so that no prior has a part in it
    untrained = codes(plain, test)
    training.fit(plain, train, **options)
    numbers = {}
    for prior, called in PRIORS.items():
        model = models.create("aae", seed=seed, prior=prior, **NETWORKS)
        training.fit(model, train, **options)
        truth = model.prior().sample((form["points"],))
        found = {
            "AAE": codes(model, test),
            "no game": codes(plain, test),
            "untrained": untrained,
            "Gaussian of its moments": gaussian_like(truth),
        }
        for name, z in found.items():
            result = evaluation.mmd_test(z, truth, permutations=499, seed=seed)
            numbers[f"MMD^2, {called}, {name}"] = result.statistic
            numbers[f"p-value, {called}, {name}"] = result.p_value
        for name in BASELINES:
            numbers[f"closer than {name}, {called}"] = (
                numbers[f"MMD^2, {called}, {name}"] - numbers[f"MMD^2, {called}, AAE"]
            )
    return numbers


@torch.no_grad()
def codes(model: models.LatentVariableModel, x: Tensor) -> Tensor:
    """A draw of q(z|x) for each x: together draws of q(z), (n, 2)."""
    return model.posterior(x).rsample()


def gaussian_like(z: Tensor) -> Tensor:
    """As many draws from the Gaussian with the mean and covariance of z (n, d)."""
    return MultivariateNormal(z.mean(0), z.T.cov()).sample((len(z),))


def judge(figures: Figures) -> Verdict:
    said = "; ".join(
        f"{called}: MMD^2 {figures[f'MMD^2, {called}, AAE']} (p >= "
        f"{min(figures[f'p-value, {called}, AAE'].values)}), "
        + ", ".join(f"{name} {figures[f'MMD^2, {called}, {name}']}" for name in BASELINES)
        for called in PRIORS.values()
    )
    closer = all(
        figures[f"closer than {name}, {called}"].clearly_positive for name in BASELINES for called in PRIORS.values()
    )
    if not closer:
        return not_seen(f"q(z) is not closer to the prior than every baseline beyond the spread. {said}")
    told_apart = [called for called in PRIORS.values() if min(figures[f"p-value, {called}, AAE"].values) < 0.05]
    if told_apart:
        return qualified(
            f"q(z) takes the prior's shape, but the test still tells them apart ({', '.join(told_apart)}). {said}"
        )
    return confirmed(f"the test tells q(z) from the prior in no seed. {said}")


CLAIM = Claim(
    "C15",
    "7 Adversarial autoencoder",
    "an adversarial autoencoder's q(z) matches a prior with no closed-form KL: a swiss roll, a mixture of Gaussians",
    "pictures of both, without a test (Makhzani et al. 2016)",
    measure,
    judge,
)
