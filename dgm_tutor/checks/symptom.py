"""What the numbers say about a wrong answer that is no known slip: short, and only what they show."""

import torch
from torch import Tensor

from dgm_tutor.checks.compare import Expected, fault

GRADIENT, EFFECT = "gradient_of_", "effect_of_"  # what a probe calls a gradient, and a change made in an argument
SPREAD = "is right on average but scatters too much: is the noise shared where it should be independent?"


def symptom(data: dict[str, object], expected: dict[str, Expected], comparisons: int) -> str | None:
    """What is wrong with one probe's outputs, or None where the numbers show nothing more than that they differ."""
    faults = {
        name: fault(data[name], wanted, comparisons) if name in data else "missing" for name, wanted in expected.items()
    }
    for name, kind in faults.items():
        if kind not in (None, "value", "spread"):
            return _malformed(name, kind, data.get(name), expected[name])
    given = {name: torch.as_tensor(data[name], dtype=torch.float64) for name in expected}
    for tell in (_no_effect, _no_gradient, _factor, _offset, _partly):
        if said := tell(given, expected, faults, comparisons):
            return said
    wrong = next(name for name, kind in faults.items() if kind)
    return f"{_words(wrong).capitalize()} {SPREAD}" if faults[wrong] == "spread" else None


def _words(name: str) -> str:
    return name.replace("_", " ")


def _malformed(name: str, kind: str, value: object, expected: Expected) -> str:
    words = _words(name).capitalize()
    if kind == "missing":
        return f"The result has no {_words(name)}."
    if kind == "not finite":
        return f"{words} is not finite (NaN or infinity): look for log 0, a division by 0, or an exp that overflows."
    if kind == "shape":
        shape = tuple(torch.as_tensor(value, dtype=torch.float64).shape[1 if expected.sd is not None else 0 :])
        return f"{words} has the shape {shape}; expected {tuple(expected.mean.shape)}."
    return f"{words} is not a number."


def _vanished(given: dict[str, Tensor], expected: dict[str, Expected], start: str) -> list[str]:
    """What the outputs that begin with `start` speak of, where they are exactly 0 and should not be."""
    names = [name for name in given if name.startswith(start)]
    return [_words(name.removeprefix(start)) for name in names if not given[name].any() and expected[name].mean.any()]


def _no_effect(given, expected, faults, comparisons) -> str | None:
    idle = _vanished(given, expected, EFFECT)
    return f"The answer is the same for two values of {idle[0]}: is it hard-coded, or left out?" if idle else None


def _no_gradient(given, expected, faults, comparisons) -> str | None:
    cut = _vanished(given, expected, GRADIENT)
    if not cut:
        return None
    everything = len(cut) == len([name for name in given if name.startswith(GRADIENT)])
    said = "The answer has no gradient at all" if everything else f"No gradient reaches {' and '.join(cut)}"
    return f"{said}: is something cut from the graph (`sample`, `detach`, `item`, `no_grad`), or left out?"


def _factor(given, expected, faults, comparisons) -> str | None:
    """One factor that explains every output; failing that, one that explains the first wrong output."""
    wrong = next(name for name, kind in faults.items() if kind)
    for names, what in ((list(expected), "Everything"), ([wrong], _words(wrong).capitalize())):
        means = torch.cat([_mean(given[name], expected[name]).flatten() for name in names])
        wanted = torch.cat([expected[name].mean.double().flatten() for name in names])
        factor = float(means @ wanted / (wanted @ wanted).clamp(min=1e-30))
        if len(wanted) < 2 or abs(factor) < 1e-3 or abs(factor - 1) < 1e-3:
            continue
        if all(fault(given[name] / factor, expected[name], comparisons) is None for name in names):
            if abs(factor + 1) < 0.02:
                return f"{what} has the wrong sign."
            times = f"{factor:.3g}" if expected[wrong].sd is None else f"about {factor:.2g}"
            return f"{what} is {times} times what it should be: a sum taken for a mean, or one the other way round?"
    return None


def _offset(given, expected, faults, comparisons) -> str | None:
    """A constant that explains the first wrong output, where it has several numbers or right gradients vouch for it."""
    wrong = next(name for name, kind in faults.items() if kind)
    vouched = [name for name in given if name.startswith(GRADIENT)] and [n for n, k in faults.items() if k] == [wrong]
    off = float((_mean(given[wrong], expected[wrong]) - expected[wrong].mean).mean())
    if not (expected[wrong].size > 1 or vouched) or fault(given[wrong] - off, expected[wrong], comparisons):
        return None
    about = "" if expected[wrong].sd is None else "about "
    rest = ", though its gradients are right" if vouched else ""
    return f"{_words(wrong).capitalize()} is off by a constant: {about}{off:+.3g}{rest}."


def _partly(given, expected, faults, comparisons) -> str | None:
    """Numbers of the first wrong output that are right, among others that are not."""
    wrong = next(name for name, kind in faults.items() if kind)
    if faults[wrong] == "spread":
        return None
    wanted, size = expected[wrong], expected[wrong].size
    numbers = given[wrong].reshape(*given[wrong].shape[: 1 if wanted.sd is not None else 0], size)
    single = [
        Expected(wanted.mean.flatten()[i], None if wanted.sd is None else wanted.sd.flatten()[i], *_rest(wanted))
        for i in range(size)
    ]
    right = sum(fault(numbers[..., i], one, comparisons) is None for i, one in enumerate(single))
    return (
        f"{_words(wrong).capitalize()} is right in {right} of {size} places, and off in the others." if right else None
    )


def _rest(expected: Expected) -> tuple[int, float]:
    return expected.draws, expected.slack


def _mean(value: Tensor, expected: Expected) -> Tensor:
    return value if expected.sd is None else value.mean(0)
