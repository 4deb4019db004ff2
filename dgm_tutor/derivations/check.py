"""Does a line hold? Every line, and every student's line, on many random worlds; a wrong one with a counterexample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import Tensor

from dgm_tutor.checks import report
from dgm_tutor.exact import NoClosedForm

from .coefficients import coefficient, evaluate
from .derivation import Derivation, Line, Slip, Sum, as_sum
from .terms import Term
from .trials import Counterexample, Trial, trials

TOLERANCE = 1e-9  # nats, relative to the size of the numbers where they are large
STRICT = 1e-6  # an inequality is strict when it is this far from an equality


@dataclass(frozen=True)
class LineReport:
    """What was found about one line: how far off at worst, on how many worlds, and what could not be evaluated."""

    index: int
    ok: bool
    residual: float
    worlds: int
    left_out: tuple[str, ...] = ()
    message: str = ""
    counterexample: Counterexample | None = None
    slip: Slip | None = None


@dataclass(frozen=True)
class Report:
    """A derivation's lines, each checked. ``ok`` when all hold; ``first_wrong`` otherwise."""

    name: str
    lines: tuple[LineReport, ...]

    @property
    def ok(self) -> bool:
        return all(line.ok for line in self.lines)

    @property
    def first_wrong(self) -> LineReport | None:
        return next((line for line in self.lines if not line.ok), None)

    def __str__(self) -> str:
        rows = [
            f"{self.name}, line {r.index}: {'holds' if r.ok else 'WRONG'} on {r.worlds} worlds, "
            f"residual {r.residual:.1e} nats" + "".join(f"; left out: {why}" for why in r.left_out)
            for r in self.lines
        ]
        wrong = self.first_wrong
        return "\n".join(rows + ([wrong.message] if wrong else []))

    __repr__ = __str__


@dataclass(frozen=True)
class Verdict:
    """What a student's line is: ``outcome``, and a message with the counterexample when it is wrong."""

    outcome: Literal["not attempted", "wrong", "right", "error"]
    message: str
    counterexample: Counterexample | None = None
    slip: Slip | None = None
    title: str = ""

    @property
    def ok(self) -> bool:
        return self.outcome == "right"

    @property
    def _shown(self) -> report.Report:
        """As the checks of other exercises say it."""
        return report.Report(self.outcome, self.title, self.message, self.slip.name if self.slip else None)

    def __str__(self) -> str:
        return str(self._shown)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self._shown._repr_html_()


def check(derivation: Derivation, seed: int = 0, instead: Mapping[int, Sum] | None = None) -> Report:
    """Every line against the line before, on every world that the derivation names. Bounds must also be strict
    somewhere, and equalities exactly where they are said to be. ``instead`` puts other sums into lines.
    """
    sums = [line.terms for line in derivation.lines]
    for i, terms in (instead or {}).items():
        sums[i] = as_sum(terms)
    return Report(derivation.name, tuple(_check_line(derivation, i, sums, seed) for i in range(len(sums))))


def _trials(derivation: Derivation, seed: int) -> tuple[Trial, ...]:
    return trials(derivation.worlds, derivation.parameters, seed)


def _check_line(derivation: Derivation, i: int, sums: list[Sum], seed: int) -> LineReport:
    line = derivation.lines[i]
    before = sums[i] if line.starts else sums[i - 1]
    count, residual, gap, left_out = 0, 0.0, 0.0, []
    for trial in _trials(derivation, seed):
        try:
            then, now = trial.sum(before), trial.sum(sums[i])
        except NoClosedForm as reason:
            left_out.append(f"{type(trial.world).__name__} ({reason})")
            continue
        off = _violation(line.relation, then, now)
        wrong = _beyond_rounding(off, then)
        count, residual = count + len(off), max(residual, off.max().item())
        gap = max(gap, (now - then).abs().max().item())
        if wrong.any():
            example = trial.counterexample(then, now, wrong)
            slip = _known_slip(derivation, line, sums[i], seed)
            told = f"Line {i} does not follow from line {i - 1}. {_difference(example, f'Line {i - 1}', f'line {i}')}"
            return LineReport(i, False, residual, count, tuple(left_out), told + _named(slip), example, slip)
    problem = "" if count else f"Line {i} has a value on none of the worlds."
    if line.equality and not problem:
        same = f"Line {i} is an equality on every world."
        problem = same if gap < STRICT else _check_equality(derivation, i, before, sums[i], seed)
    return LineReport(i, not problem, residual, count, tuple(left_out), problem)


def _check_equality(derivation: Derivation, i: int, before: Sum, terms: Sum, seed: int) -> str:
    """What is wrong with a bound's 'equality if and only if', empty when nothing is."""
    equality = derivation.lines[i].equality
    cases = [(equality.holds, True), *((worlds, False) for worlds in equality.fails)]
    for worlds, equal in cases:
        for trial in trials(worlds, derivation.parameters, seed):
            try:
                then, now = trial.sum(before), trial.sum(terms)
            except NoClosedForm:
                continue
            off = (now - then).abs()
            wrong = _beyond_rounding(off, then) if equal else ~(off > STRICT)
            if wrong.any():
                example = trial.counterexample(then, now, wrong)
                said = "should be an equality here" if equal else "should be strict here"
                return f"Line {i} {said}. {_difference(example, f'Line {i - 1}', f'line {i}')}"
    return ""


def _violation(relation: str, before: Tensor, now: Tensor) -> Tensor:
    off = now - before
    return {">=": off.clamp(min=0), "<=": (-off).clamp(min=0)}.get(relation, off.abs())  # "before >= now"


def _beyond_rounding(off: Tensor, size: Tensor) -> Tensor:
    return ~(off <= TOLERANCE * (1 + size.abs()))  # NaN is beyond


def _known_slip(derivation: Derivation, line: Line, given: Sum, seed: int) -> Slip | None:
    """The slip of ``line`` that has the same value as ``given`` on all worlds."""
    for slip in line.slips:
        if all(
            not _beyond_rounding(off, size).any() for off, size in _apart(_trials(derivation, seed), slip.terms, given)
        ):
            return slip
    return None


def _apart(where: Iterable[Trial], a: Sum, b: Sum) -> Iterable[tuple[Tensor, Tensor]]:
    for trial in where:
        try:
            first, second = trial.sum(a), trial.sum(b)
        except NoClosedForm:
            continue
        yield (first - second).abs(), first


def _difference(example: Counterexample, expected: str, given: str) -> str:
    return (
        f"{example}\n{expected} is {example.expected:.6g} nats and {given} is {example.given:.6g} nats: "
        f"off by {example.off_by:+.6g} nats."
    )


def _named(slip: Slip | None) -> str:
    if slip is None:
        return ""
    return f"\nThis is a known slip, {slip.name!r}: {slip.explanation}" + (f" ({slip.source})" if slip.source else "")


def check_line(derivation: Derivation, i: int, answer: Any, seed: int = 0) -> Verdict:
    """A student's version of line ``i``: {term name: coefficient}, a coefficient a number or text such as "beta - 1".

    Only the line's allowed terms may occur, so that neither a number nor the line before is an answer. The four
    outcomes are 'not attempted' (None, ..., an empty mapping), 'right', 'wrong' (with a counterexample world, and the
    slip's name where a known one explains it) and 'error' (what was given is no line). Raises ValueError for a line
    that is not there.
    """
    if i not in range(len(derivation.lines)):
        raise ValueError(f"{derivation.name} has lines 0 to {len(derivation.lines) - 1}, got {i!r}")
    return replace(_verdict(derivation, i, answer, seed), title=f"{derivation.name}, line {i}")


def _verdict(derivation: Derivation, i: int, answer: Any, seed: int) -> Verdict:
    line = derivation.lines[i]
    if _blank(answer):
        return Verdict(
            "not attempted", f"Give line {i} as {{term: coefficient}} with terms from: {_names(line.allowed)}."
        )
    try:
        given = _read(derivation, line, answer)
    except ValueError as problem:
        return Verdict("error", str(problem))
    if outside := [t for t in given if t not in line.allowed]:
        return Verdict(
            "wrong",
            f"Line {i} is to be written without {_names(outside)} (repeating an earlier line is no step). "
            f"Its terms are: {_names(line.allowed)}.",
        )
    for trial in _trials(derivation, seed):
        try:
            expected, value = trial.sum(line.terms), trial.sum(given)
        except NoClosedForm:
            continue
        wrong = _beyond_rounding((value - expected).abs(), expected)
        if wrong.any():
            example = trial.counterexample(expected, value, wrong)
            slip = _known_slip(derivation, line, given, seed)
            return Verdict("wrong", _difference(example, f"Line {i}", "your line") + _named(slip), example, slip)
    return Verdict("right", f"Your line {i} holds on every world: {line.text}.")


def value(derivation: Derivation, line: int | Mapping[str, Any], world: Any, parameters: Mapping[str, float]) -> Tensor:
    """A line of ``derivation``, by its number or written by a student as its last, on one world: nats."""
    terms = derivation.lines[line].terms if isinstance(line, int) else _read(derivation, derivation.lines[-1], line)
    return sum(evaluate(c, dict(parameters)) * term.value(world) for term, c in terms.items())


def _blank(answer: Any) -> bool:
    if isinstance(answer, Mapping):
        return all(value is None or value is ... for value in answer.values())
    return answer is None or answer is ...


def _read(derivation: Derivation, line: Line, answer: Any) -> Sum:
    if not isinstance(answer, Mapping):
        raise ValueError(
            f"a line is a mapping such as {{{line.allowed[0].name!r}: 1}} with terms from {_names(line.allowed)}; "
            f"got {type(answer).__name__} {str(answer)[:60]!r}, and a number is no derivation"
        )
    known = {t.name: t for one in derivation.lines for t in (*one.terms, *one.allowed)}
    given = {}
    for key, value in answer.items():
        name = key.name if isinstance(key, Term) else key
        if not isinstance(name, str) or name not in known:
            raise ValueError(f"there is no term {name!r}; the terms of this line are: {_names(line.allowed)}")
        if value is None or value is ...:
            raise ValueError(f"the coefficient of {name!r} is still open: give a number or a formula")
        given[known[name]] = coefficient(value, derivation.parameters)
    return given


def _names(terms: Iterable[Term]) -> str:
    return ", ".join(repr(t.name) for t in terms)
