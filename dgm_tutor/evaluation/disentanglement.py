"""How well codes separate known factors: MIG, FactorVAE score, DCI, SAP, each in [0, 1], 1 best.

codes (n, d) are a representation of n examples (the posterior means, say), factors (n, k) the integers they
were drawn from. No score changes when codes are permuted, negated or rescaled, and a constant code counts for
nothing: see `mean_codes`. `dci` and `sap` need scikit-learn, imported when they are called.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import numpy as np
import torch
from torch import Tensor
from torch.distributions import kl_divergence

from .estimates import check_data, marginals, posterior_of

Array = np.ndarray | Tensor
BINS = 20  # equal-width bins a code is cut into for its mutual information (Locatello et al. 2019)


@dataclass(frozen=True)
class Dci:
    """Eastwood and Williams (2018). disentanglement: a code serves one factor; completeness: a factor is
    served by one code; informativeness: accuracy of the factors on held-out points, whose chance is not 0."""

    disentanglement: float
    completeness: float
    informativeness: float


@dataclass(frozen=True)
class Scores:
    """The scores of one representation. Chance is 1/k for factor_vae (k factors), about 0 for others."""

    mig: float
    factor_vae: float
    dci: Dci
    sap: float


@torch.no_grad()
def mean_codes(model, x: Tensor, least: float = 0.01) -> Tensor:
    """The posterior means (n, d) of x (n, D), those of collapsed dimensions set to 0.

    A dimension whose mean KL(q(z_j|x) || p(z_j)) is below `least` nats counts as collapsed: its mean still moves
    with x, by less than the posterior's own noise, and a score would count what that noise hides. ValueError as in
    `elbo`; TypeError unless posterior and prior are `Independent` over dimensions.
    """
    check_data(x)
    q = posterior_of(model, x)
    rate = kl_divergence(marginals(q, "model.posterior(x)"), marginals(model.prior(), "model.prior()")).mean(0)
    return torch.where(rate < least, 0.0, q.mean)


def disentanglement(codes: Array, factors: Array, factor_names: Sequence[str] | None = None, seed: int = 0) -> Scores:
    """All four scores of codes (n, d) against factors (n, k); the names serve the error messages.

    ValueError for NaN codes, shapes that do not match, fewer than 2 points, factors that are not integers or
    take one value only; ImportError where scikit-learn is missing.
    """
    codes, factors = _checked(codes, factors, factor_names)
    return Scores(
        mig(codes, factors),
        factor_vae(codes, factors, seed=seed),
        dci(codes, factors, seed=seed),
        sap(codes, factors, seed=seed),
    )


def mutual_information(codes: Array, factors: Array) -> np.ndarray:
    """Plug-in mutual information of each code, cut into 20 bins, with each factor: (d, k), nats.

    Biased up by about (bins - 1)(levels - 1) / 2n.
    """
    codes, factors = _checked(codes, factors)
    bins = np.stack([np.digitize(code, np.histogram_bin_edges(code, BINS)[1:-1]) for code in codes.T], 1)
    return np.stack([_mutual_information(bins, factor) for factor in factors.T], 1)


def _mutual_information(bins: np.ndarray, factor: np.ndarray) -> np.ndarray:
    (n, d), levels = bins.shape, factor.max() + 1
    cells = (np.arange(d) * BINS + bins) * levels + factor[:, None]  # (n, d)
    joint = np.bincount(cells.ravel(), minlength=d * BINS * levels).reshape(d, BINS, levels) / n
    independent = joint.sum(2, keepdims=True) * joint.sum(1, keepdims=True)
    ratio = np.divide(joint, independent, out=np.ones_like(joint), where=joint > 0)
    return (joint * np.log(ratio)).sum((1, 2))


def mig(codes: Array, factors: Array) -> float:
    """Mutual information gap (Chen et al. 2018, eq. 6): the mean over factors of (largest - second largest
    mutual information with a code) / H(factor). With one code the second largest is 0."""
    codes, factors = _checked(codes, factors)
    information = mutual_information(codes, factors)
    entropy = [_entropy(np.bincount(factor) / len(factor)) for factor in factors.T]
    return float(np.mean(_gap(information, np.zeros(len(entropy))) / entropy))


def _gap(table: np.ndarray, nothing: np.ndarray) -> np.ndarray:
    """Largest minus second largest of each column (d, k) -> (k,), beside a code that tells nothing, (k,)."""
    ordered = np.sort(np.vstack([table, nothing]), axis=0)
    return ordered[-1] - ordered[-2]


def _entropy(p: np.ndarray) -> np.ndarray:
    """Entropy over the last axis, nats."""
    return -(p * np.log(np.where(p > 0, p, 1))).sum(-1)


def factor_vae(codes: Array, factors: Array, votes: int = 2000, batch: int = 64, seed: int = 0) -> float:
    """FactorVAE score (Kim and Mnih 2018, section 4): which factor was held fixed, told from the code that
    then varies least, relative to its overall variance, by majority vote.

    A vote draws a factor, a point, and `batch` points (with replacement) that share the point's value of it.
    Half of the votes fit the classifier, its accuracy is measured on the others. ValueError if no value of a
    factor is shared by two points.
    """
    codes, factors = _checked(codes, factors)
    codes = codes[:, _varying(codes)]
    if not codes.shape[1]:
        return 0.0
    rng = np.random.default_rng(seed)
    (_, d), k = codes.shape, factors.shape[1]
    fixed = rng.integers(k, size=votes)
    groups = np.empty((votes, batch), dtype=int)
    for factor in range(k):
        mine = fixed == factor
        groups[mine] = _groups(factors[:, factor], (mine.sum(), batch), rng)
    least = (codes[groups].var(1) / codes.var(0)).argmin(1)  # (votes,)
    fit, test = slice(0, votes // 2), slice(votes // 2, votes)
    table = np.zeros((d, k))
    np.add.at(table, (least[fit], fixed[fit]), 1)
    return float(np.mean(table.argmax(1)[least[test]] == fixed[test]))


def _groups(factor: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Rows of indices of points with one value of the factor, the value of a random point that shares it."""
    order, count = np.argsort(factor, kind="stable"), np.bincount(factor)
    start = np.cumsum(count) - count
    shared = factor[count[factor] > 1]
    if not len(shared):
        raise ValueError("factors: no two points share a value; FactorVAE's score needs points with a factor fixed")
    value = rng.choice(shared, shape[0])[:, None]
    return order[start[value] + rng.integers(count[value], size=shape)]


def dci(codes: Array, factors: Array, seed: int = 0) -> Dci:
    """DCI (Eastwood and Williams 2018), importances from a forest a factor, fitted on 4/5 of the points.

    disentanglement: 1 - entropy (base k) of a code's importances over factors, weighted by the code's share;
    completeness: 1 - entropy (base d) of a factor's importances over codes, and 1 where only one code varies.
    Codes that are constant are left out of d. ImportError without scikit-learn.
    """
    ensemble = _sklearn("ensemble")
    codes, factors = _checked(codes, factors)
    codes = codes[:, _varying(codes)] if _varying(codes).any() else codes[:, :1]
    fit, test = _split(len(codes), 0.8, seed)
    importance, accuracy = [], []
    for factor in factors.T:
        # Every split may choose among all codes: a subset would give importance to codes that hold nothing.
        forest = ensemble.RandomForestClassifier(
            20, max_features=None, min_samples_leaf=5, max_samples=-(-len(fit) // 2), random_state=seed
        )
        forest.fit(codes[fit], factor[fit])
        importance.append(forest.feature_importances_)
        accuracy.append(forest.score(codes[test], factor[test]))
    table = np.stack(importance, 1)  # (d, k)
    share = table.sum(1) / max(table.sum(), 1e-12)
    return Dci(
        disentanglement=float(share @ _concentration(table)),
        completeness=float(_concentration(table.T).mean()),
        informativeness=float(np.mean(accuracy)),
    )


def _concentration(table: np.ndarray) -> np.ndarray:
    """1 - normalised entropy of each row; 0 for a row of zeros, 1 for a row of one entry."""
    total = table.sum(1, keepdims=True)
    p = np.divide(table, total, out=np.zeros_like(table), where=total > 0)
    return np.where(total[:, 0] > 0, 1 - _entropy(p) / np.log(max(table.shape[1], 2)), 0.0)


def sap(codes: Array, factors: Array, seed: int = 0) -> float:
    """Separated attribute predictability (Kumar et al. 2018, section 3): mean over factors of the gap between
    the two codes that predict it best.

    A factor of L levels is predicted from one code by L - 1 thresholds (a tree of L leaves); the score is the
    balanced accuracy on the held-out half. At most 1 - 1/L, when one code tells all and the next nothing.
    ImportError without scikit-learn.
    """
    tree = _sklearn("tree")
    codes, factors = _checked(codes, factors)
    levels = factors.max(0) + 1
    fit, test = _split(len(codes), 0.5, seed)
    accuracy = np.empty((codes.shape[1], factors.shape[1]))
    for i, code in enumerate(codes[:, :, None].transpose(1, 0, 2)):
        for j, factor in enumerate(factors.T):
            thresholds = tree.DecisionTreeClassifier(
                max_leaf_nodes=levels[j], class_weight="balanced", random_state=seed
            )
            right = thresholds.fit(code[fit], factor[fit]).predict(code[test]) == factor[test]
            accuracy[i, j] = np.mean([right[factor[test] == v].mean() for v in np.unique(factor[test])])
    return float(_gap(accuracy, 1 / levels).mean())


def _split(n: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices to fit on and to test on, both non-empty."""
    order = np.random.default_rng(seed).permutation(n)
    cut = min(max(1, round(share * n)), n - 1)
    return order[:cut], order[cut:]


def _varying(codes: np.ndarray) -> np.ndarray:
    """Which codes are not constant up to rounding: (d,) of bool."""
    return np.ptp(codes, axis=0) > 1e-6 * np.abs(codes).max(0)


def _sklearn(part: str) -> ModuleType:
    try:
        return import_module(f"sklearn.{part}")
    except ImportError as error:
        raise ImportError(
            "dci and sap need scikit-learn, which is not installed: pip install dgm-tutor[course]"
        ) from error


def _checked(codes: Array, factors: Array, names: Sequence[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """codes as float64 and each factor's values as 0 .. levels-1; ValueError where they cannot be scored."""
    codes, factors = (np.asarray(a.detach().cpu() if isinstance(a, Tensor) else a) for a in (codes, factors))
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or not codes.size * factors.size:
        raise ValueError(
            f"expected codes (n, d) and factors (n, k) of the same n, got {codes.shape} and {factors.shape}"
        )
    if len(codes) < 2:
        raise ValueError(f"scores need 2 points or more, got {len(codes)}")
    if not np.isfinite(codes).all():
        dims = np.flatnonzero(~np.isfinite(codes).all(0)).tolist()
        raise ValueError(f"codes: NaN or infinite values in dimensions {dims}; did training diverge?")
    if not np.issubdtype(factors.dtype, np.integer):
        raise ValueError(f"factors: expected integers, one a level, got {factors.dtype}; bin continuous factors first")
    names = names or [str(j) for j in range(factors.shape[1])]
    if len(names) != factors.shape[1]:
        raise ValueError(f"factor_names: expected {factors.shape[1]} names, got {len(names)}")
    constant = [name for name, factor in zip(names, factors.T, strict=True) if np.ptp(factor) == 0]
    if constant:
        raise ValueError(f"factors: {', '.join(constant)} takes one value only; leave it out or add points")
    levels = [np.unique(factor, return_inverse=True)[1] for factor in factors.T]
    return codes.astype(np.float64), np.stack(levels, 1)
