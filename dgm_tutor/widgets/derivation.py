"""A derivation to walk: line by line, each term of the line a bar on an exact world that the student changes."""

import math
from collections.abc import Iterable, Mapping
from html import escape
from itertools import accumulate, pairwise
from typing import Any

import ipywidgets
import torch

from dgm_tutor.derivations import Derivation, Line, Parameter
from dgm_tutor.derivations.check import TOLERANCE
from dgm_tutor.derivations.coefficients import evaluate, written
from dgm_tutor.exact import FiniteWorld, Table
from dgm_tutor.figures.html import Html, bars
from dgm_tutor.figures.palette import CYCLE, INK, PAPER, colour
from dgm_tutor.widgets.accessibility import announce
from dgm_tutor.widgets.live import Live, View

HALF, STEPS = 0.5, 100
STYLE = f"color:{INK};background:{PAPER};margin:0;padding:4px 8px;font-size:14px"


def informed(world: FiniteWorld, information: float) -> FiniteWorld:
    """The world with every latent factor of q between the prior (0: z tells nothing) and a code of x (1).

    The code gives each value of the condition one value of z, so that q(z|x) is as sharp as can be.
    """
    data, *latent = world.q.factors
    return FiniteWorld(world.p.factors, [data, *(_between(world, factor, information) for factor in latent)])


def _between(world: FiniteWorld, factor: Table, information: float) -> Table:
    cells = math.prod(factor.sizes[a] for a in factor.left)
    columns = math.prod(factor.sizes[a] for a in factor.given)
    code = torch.eye(cells, dtype=torch.float64)[:, torch.arange(columns) % cells]
    sharp = Table(factor.factor, code.reshape(tuple(factor.sizes.values())))
    return sharp.mix(world.p(", ".join(factor.left)), 1 - information)


class DerivationWalk:
    """The lines of ``derivation`` revealed one at a time, the current line's terms as bars on one exact world.

    The world, its parameters and (in finite worlds) how much q(z|x) tells can be changed; both sides of the line are
    always shown, so that an identity can be seen to hold wherever one moves. A pure function of its controls.

    Args:
        derivation: what to walk, say ``derivations.get("D16")``.
        parameters: first values, such as {"beta": 4.0}; each parameter's default otherwise.
        hide: lines left for the student, shown as question marks.

    Raises ValueError for a parameter or a line that the derivation does not have.
    """

    def __init__(self, derivation: Derivation, parameters: Mapping[str, float] | None = None, hide: Iterable[int] = ()):
        self.derivation, self.hide = derivation, tuple(hide)
        derivation.blank(*self.hide)  # refuses a line that is not there
        known = {p.name: p for p in derivation.parameters}
        if unknown := set(parameters or {}) - set(known):
            raise ValueError(f"{derivation.name} has no parameter {sorted(unknown)}; it has {sorted(known)}")
        self.worlds = next(iter(derivation.worlds(torch.Generator().manual_seed(0))))  # the readable ones come first
        self.scale = self._scale()

        controls = {"line": ipywidgets.IntText(value=0), "world": ipywidgets.IntText(value=0)}
        if isinstance(self.worlds, FiniteWorld):
            controls["information"] = _slider(
                ipywidgets.FloatSlider, HALF, 0.0, 1.0, "q informs", "how much q(z|x) tells: 0 the prior, 1 a code of x"
            )
        for name, parameter in known.items():
            controls[name] = _parameter_slider(parameter, (parameters or {}).get(name, parameter.default))
        self.words = announce(ipywidgets.HTML())
        outputs = {"formulas": ipywidgets.HTMLMath(), "bars": ipywidgets.HTML(), "words": self.words}
        outputs["tables"] = ipywidgets.HTML()
        self.live = Live(self.pictures, controls, outputs)
        sliders = [c for c in controls.values() if not isinstance(c, ipywidgets.IntText)]
        wrapped = ipywidgets.Layout(flex_flow="row wrap")
        self.buttons = self._buttons()
        self.widget = ipywidgets.VBox(
            [
                outputs["formulas"],
                ipywidgets.HBox(list(self.buttons.values())[:4], layout=wrapped),
                ipywidgets.HBox([*sliders, *list(self.buttons.values())[4:]], layout=wrapped),
                outputs["bars"],
                outputs["words"],
                outputs["tables"],
            ]
        )

    def pictures(self, line: int, world: int, information: float = HALF, **parameters: float) -> dict[str, Any]:
        """Every view of one state: the lines so far, the bars, both sides in words, the world's tables."""
        here = self._world(world, information)
        return {
            "formulas": self._formulas(line),
            "bars": self._bars(line, here, parameters),
            "words": self._words(line, here, parameters),
            "tables": _tables(here, world),
        }

    def value(self, i: int, world: Any, parameters: Mapping[str, float]) -> float:
        """Line ``i`` on one world, nats."""
        return sum(self._contributions(self.derivation.lines[i], world, parameters).values())

    def still(self) -> Html:
        """The whole derivation, and its last open line's bars on the first world, for places with no kernel."""
        last = max(i for i in range(len(self.derivation.lines)) if i not in self.hide)
        first = {name: value for name, value in self.live._initial.items() if name not in ("line", "world")}
        drawn = self.pictures(last, 0, **first)
        formulas = self._formulas(len(self.derivation.lines) - 1)
        html = formulas + "".join(getattr(drawn[k], "html", drawn[k]) for k in ("bars", "words", "tables"))
        return Html(html, f"{self.derivation.render(hide=self.hide).text}\n{drawn['bars'].text}")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return View(self.widget, self.still())._repr_mimebundle_()

    def _world(self, index: int, information: float) -> Any:
        world = self.worlds[index % self.worlds.batch_shape[0]]
        return informed(world, information) if isinstance(world, FiniteWorld) else world

    def _contributions(self, line: Line, world: Any, parameters: Mapping[str, float]) -> dict[str, float]:
        out = {}
        for term, c in line.terms.items():
            sign, factor = written(c, latex=False)
            label = f"{'−' if sign == '-' else ''}{factor}{' ' if factor else ''}{term.text}"
            out[label] = float(evaluate(c, dict(parameters))) * term.value(world).item()
        return out

    def _bars(self, i: int, world: Any, parameters: Mapping[str, float]) -> Html:
        if i in self.hide:
            return Html(f'<p style="{STYLE}">Line {i} is yours to write.</p>', f"Line {i} is yours to write.")
        low, high = self.scale
        caption = f"Line {i}, term by term; the bars go from {low:g} to {high:g} nats"
        values = self._contributions(self.derivation.lines[i], world, parameters)
        table = bars(values, "nats", caption=caption, scale=self.scale, total=f"sum = line {i}")
        start = self.derivation.chain_start(i)
        if i == start:  # nothing to weigh it against
            return table
        balance = _balance(self.value(start, world, parameters), list(values.values()), self.scale, start, i)
        return Html(table.html + balance, table.text)

    def _words(self, i: int, world: Any, parameters: Mapping[str, float]) -> str:
        start = self.derivation.chain_start(i)
        left = self.value(start, world, parameters)
        said = f"Left-hand side (line {start}): <b>{_nats(left)}</b>"
        if i != start and i not in self.hide:
            right = self.value(i, world, parameters)
            said += f" {self._relation(start, i, left, right)} the sum of the bars: <b>{_nats(right)}</b>"
        return f'<p style="{STYLE}">{said}.</p>'

    def _relation(self, start: int, i: int, left: float, right: float) -> str:
        """How the two sides compare, from the numbers themselves; a relation that fails says so."""
        steps = {line.relation for line in self.derivation.lines[start + 1 : i + 1]} - {"="}
        if abs(left - right) < TOLERANCE:
            return "equals"
        if steps == {">="} and left > right:
            return "is at least"
        return "is at most" if steps == {"<="} and left < right else "DIFFERS FROM"

    def _formulas(self, upto: int) -> str:
        head = f"<b>{escape(self.derivation.name)}: {escape(self.derivation.title)}</b>"
        lines = self.derivation.render(upto, self.hide).latex
        return f'<div style="{STYLE};overflow-x:auto">{head} (section {escape(self.derivation.section)}){lines}</div>'

    def _scale(self) -> tuple[float, float]:
        """Room for every term on the first worlds at the parameters' defaults: fixed, so that moves can be compared."""
        defaults = {p.name: p.default for p in self.derivation.parameters}
        values = [0.0]
        for world in range(4):
            for information in (0.0, HALF, 1.0):
                here = self._world(world, information)
                for line in self.derivation.lines:
                    parts = self._contributions(line, here, defaults).values()
                    values += [*parts, *accumulate(parts)]
        low, high = math.floor(2 * min(values)) / 2, math.ceil(2 * max(values)) / 2
        return (low, high) if low < high else (-1.0, 1.0)

    def _buttons(self) -> dict[str, ipywidgets.Button]:
        last = len(self.derivation.lines) - 1
        line, world = self.live.controls["line"], self.live.controls["world"]

        def go(control: ipywidgets.IntText, to: Any) -> Any:
            return lambda _button: setattr(control, "value", to(control.value))

        actions = {
            "Next line": ("show the next line", go(line, lambda i: min(i + 1, last))),
            "Back": ("hide the last line shown", go(line, lambda i: max(i - 1, 0))),
            "Show all": ("show the whole derivation", go(line, lambda _: last)),
            "Reset": ("back to the first line, the first world and the first values", lambda _: self.live.reset()),
            "New world": ("another random world", go(world, lambda i: i + 1)),
        }
        return {label: _button(label, tooltip, act) for label, (tooltip, act) in actions.items()}


def _balance(left: float, parts: list[float], scale: tuple[float, float], start: int, i: int) -> str:
    """The left-hand side above the line's terms laid end to end: they end under its end when the two are equal."""
    low, high = scale
    ends, height = [0.0, *accumulate(parts)], 44 / len(parts)

    def at(value: float) -> float:
        return 110 + 870 * (min(max(value, low), high) - low) / (high - low)

    def bar(a: float, b: float, y: float, tall: float, paint: str) -> str:
        x, width = min(at(a), at(b)), abs(at(b) - at(a))
        return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{tall:.1f}" fill="{paint}" stroke="{INK}"/>'

    def rule(value: float, dashes: str) -> str:
        x = f"{at(value):.1f}"
        return f'<line x1="{x}" x2="{x}" y1="0" y2="84" stroke="{INK}" stroke-dasharray="{dashes}"/>'

    drawn = [bar(0, left, 8, 16, PAPER), rule(0, "none"), rule(left, "4 3")]
    for k, (a, b) in enumerate(pairwise(ends)):
        drawn.append(bar(a, b, 34 + k * height, height - 2, colour(CYCLE[k % len(CYCLE)])))
    label = f'font-family="sans-serif" font-size="15" fill="{INK}" x="8"'
    drawn += [f'<text y="21" {label}>line {start}</text>', f'<text y="62" {label}>line {i}</text>']
    words = f"Line {start} is {_nats(left)}; the terms of line {i}, laid end to end, reach {_nats(ends[-1])}"
    return (
        f'<svg role="img" aria-label="{words}" viewBox="0 0 1000 84"'
        f' style="width:100%;max-width:1000px;background:{PAPER}">{"".join(drawn)}</svg>'
    )


def _nats(value: float) -> str:
    return f"{value:.4f} nats".replace("-", "−")


def _tables(world: Any, index: int) -> str:
    rows = "<br>".join(escape(row) for row in str(world).splitlines())
    return (
        f'<details style="{STYLE}"><summary>The tables of world {index}</summary>'
        f'<code style="color:{INK};background:{PAPER}">{rows}</code></details>'
    )


def _button(label: str, tooltip: str, act: Any) -> ipywidgets.Button:
    button = ipywidgets.Button(description=label, tooltip=tooltip, layout=ipywidgets.Layout(width="auto"))
    button.on_click(act)
    return button


def _slider(kind: type, value: float, low: float, high: float, name: str, tooltip: str) -> ipywidgets.Widget:
    ends = {"min": low, "max": high, "step": (high - low) / STEPS}
    layout = ipywidgets.Layout(width="min(28em, 95%)")
    return kind(value=value, **ends, description=name, tooltip=tooltip, readout_format=".2f", layout=layout)


def _parameter_slider(parameter: Parameter, value: float) -> ipywidgets.Widget:
    name = parameter.text
    tooltip = f"{parameter.name}, from {parameter.low:g} to {parameter.high:g}"
    if parameter.log:
        low, high = math.log10(parameter.low), math.log10(parameter.high)
        step = (high - low) / STEPS
        value = 10 ** (low + step * round((math.log10(value) - low) / step))  # where the browser would put it
        return _slider(ipywidgets.FloatLogSlider, value, low, high, name, f"{tooltip} on a log scale")
    return _slider(ipywidgets.FloatSlider, value, parameter.low, parameter.high, name, tooltip)
