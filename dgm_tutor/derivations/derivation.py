"""A derivation: lines that are sums of terms, each with its reason, its relation to the line before, its slips."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sympy
from torch import Tensor

from .coefficients import Parameter, written
from .terms import Term
from .worlds import Worlds, variational_worlds

if TYPE_CHECKING:
    from .check import Report, Verdict

Sum = Mapping[Term, Any]  # term -> coefficient: a number or a sympy expression in the parameters
RELATIONS = {"=": ("=", "="), ">=": (r"\ge", "≥"), "<=": (r"\le", "≤"), "": ("", ""), ":=": (":=", ":=")}


def as_sum(terms: Sum) -> Sum:
    """The same sum with sympy coefficients."""
    return {term: sympy.sympify(c) for term, c in terms.items()}


@dataclass(frozen=True, eq=False)
class Slip:
    """A known wrong version of a line: its name, the wrong sum, what went wrong, who made it."""

    name: str
    terms: Sum
    explanation: str
    source: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", as_sum(self.terms))


@dataclass(frozen=True, eq=False)
class Equality:
    """Exactly when an inequality is an equality: checked on worlds built to meet the condition, and to break it."""

    condition: str  # text with $math$
    holds: Worlds
    fails: tuple[Worlds, ...]  # one for each part of the condition, broken alone


@dataclass(frozen=True, eq=False)
class Line:
    """One line. ``relation`` is to the line before: '=', '>=', '<='; '' begins a chain, ':=' defines ``symbol``.

    ``allowed`` are the terms that a student may use here, the line's own and plausible others (default: its own).
    ``reason`` is text with $math$.
    """

    terms: Sum
    reason: str
    relation: str = "="
    symbol: str = ""
    allowed: tuple[Term, ...] = ()
    slips: tuple[Slip, ...] = ()
    equality: Equality | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", as_sum(self.terms))
        object.__setattr__(self, "allowed", self.allowed or tuple(self.terms))
        object.__setattr__(self, "slips", tuple(self.slips))
        if self.relation not in RELATIONS:
            raise ValueError(f"a relation is one of {list(RELATIONS)}, got {self.relation!r}")
        if (self.relation == ":=") != bool(self.symbol):
            raise ValueError("a line that defines (':=') has a symbol, and no other line has")
        if (self.relation in (">=", "<=")) != (self.equality is not None):
            raise ValueError("an inequality, and no other line, says when it is an equality")

    @property
    def starts(self) -> bool:
        """Whether the line begins a chain of its own."""
        return self.relation in ("", ":=")

    @property
    def latex(self) -> str:
        """The sum as it is printed: generated from the terms and coefficients that are checked."""
        return _join(((written(c, latex=True), t.latex) for t, c in self.terms.items()), r" \, ")

    @property
    def text(self) -> str:
        return _join(((written(c, latex=False), t.text) for t, c in self.terms.items()), " ").replace("-", "−")


def _join(parts: Any, times: str) -> str:
    out = ""
    for (sign, factor), term in parts:
        sign = {"+": "", "-": "-"}[sign] if not out else f" {sign} "
        out += f"{sign}{factor}{times if factor else ''}{term}"
    return out or "0"


def text_to_latex(text: str) -> str:
    r"""Words with $math$ as \text{words} math: nothing nested that some renderer would trip over."""
    pieces = re.split(r"\$([^$]*)\$", text)
    return "".join(p if i % 2 else rf"\text{{{p.replace('%', chr(92) + '%')}}}" for i, p in enumerate(pieces) if p)


@dataclass(frozen=True)
class Rendered:
    """Something to look at: LaTeX in a notebook, words in a terminal."""

    latex: str = field(repr=False)
    text: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/latex": self.latex, "text/plain": self.text}

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, eq=False)
class Derivation:
    """A derivation of the lecture (``name`` such as "D16"), rendered and checked from the same lines.

    Raises ValueError when its chains are malformed, or when a line could be answered by repeating the one before.
    """

    name: str
    title: str
    section: str
    lines: tuple[Line, ...]
    parameters: tuple[Parameter, ...] = ()
    worlds: Worlds = variational_worlds

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", tuple(self.lines))
        if not self.lines or not self.lines[0].starts:
            raise ValueError(f"{self.name}: its first line must begin a chain (relation '' or ':=')")
        for i, line in enumerate(self.lines):
            if not set(line.terms) <= set(line.allowed):
                raise ValueError(f"{self.name}, line {i}: its own terms are not all allowed")
            if not line.starts and set(self.lines[i - 1].terms) <= set(line.allowed):
                raise ValueError(f"{self.name}, line {i}: repeating line {i - 1} would be an answer; allow less")

    def before(self, i: int) -> Line | None:
        """The line that line ``i`` follows from, None where it begins a chain."""
        return None if self.lines[i].starts else self.lines[i - 1]

    def chain_start(self, i: int) -> int:
        """The index of the line that begins line ``i``'s chain: its left-hand side."""
        return max(j for j in range(i + 1) if self.lines[j].starts)

    def check(self, seed: int = 0, instead: Mapping[int, Sum] | None = None) -> Report:
        """Every line on many random worlds with random parameters, with other sums for the lines in ``instead``."""
        from .check import check

        return check(self, seed, instead)

    def check_line(self, i: int, answer: Any, seed: int = 0) -> Verdict:
        """A student's line, {term name: coefficient}; see ``check.check_line``."""
        from .check import check_line

        return check_line(self, i, answer, seed)

    def value(self, line: int | Mapping[str, Any], world: Any, **parameters: float) -> Tensor:
        """A line, by its number or as a student writes the last one, on a world: nats. ValueError for a wrong name."""
        from .check import value

        return value(self, line, world, parameters)

    def render(self, upto: int | None = None, hide: tuple[int, ...] = ()) -> Rendered:
        """Lines 0 to ``upto`` (all by default), those in ``hide`` as a question mark with their allowed terms."""
        rows, words = [], [f"{self.name}: {self.title}"]
        for i, line in enumerate(self.lines[: len(self.lines) if upto is None else upto + 1]):
            hidden = i in hide
            latex, text = RELATIONS[line.relation]
            body, plain = ("?", "?") if hidden else (line.latex, line.text)
            gap = r"\\[1.2em]" if line.starts and i else r"\\[0.4em]"
            left = f"{line.symbol} &{latex} {body}" if line.symbol else f"&{latex} {body}"
            rows.append((gap if rows else "") + (left if line.relation else f"&{body}"))
            rows.append(r"\\ &\quad {\small " + text_to_latex(self.reason(i)) + "}")
            words.append(f"({i}) {text} {plain}   [{self.reason(i)}]".replace("$", ""))
            if hidden:
                terms = [rf"\texttt{{{t.name}}}".replace("_", r"\_") + rf": {t.latex}" for t in line.allowed]
                rows += [r"\\ &\quad {\small " + term + "}" for term in terms]
                words.append("    terms: " + ", ".join(f"{t.name} = {t.text}" for t in line.allowed))
        return Rendered(r"$$\begin{aligned}" + "\n".join(rows) + r"\end{aligned}$$", "\n".join(words))

    def reason(self, i: int) -> str:
        """Why line ``i`` holds, with the case of equality of a bound; text with $math$."""
        line = self.lines[i]
        return line.reason + (f"; equality if and only if {line.equality.condition}" if line.equality else "")

    def blank(self, *lines: int) -> Rendered:
        """The derivation with these lines left for the student, each a question mark with its allowed terms."""
        if bad := [i for i in lines if i not in range(len(self.lines))]:
            raise ValueError(f"{self.name} has lines 0 to {len(self.lines) - 1}, got {bad}")
        return self.render(hide=lines)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.render()._repr_mimebundle_()

    def _repr_latex_(self) -> str:
        return self.render().latex

    def __str__(self) -> str:
        return self.render().text
