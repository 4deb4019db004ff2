"""Controls that redraw pictures: the newest state is drawn, states that come meanwhile are dropped, never
queued.

Pictures travel as HTML text (``<img alt=... src=data:...>``): no binary buffers, no script and nothing
fetched from outside, so they show in JupyterLab, Notebook 7, VS Code and Colab alike.
"""

import asyncio
import traceback
from collections.abc import Callable, Mapping
from html import escape

import ipywidgets

TURNS = 8  # turns of the kernel's event loop without a newer state before drawing: well under a millisecond


class Live:
    """Pictures as a pure function of some controls.

    ``compute(**state)`` gets every control's value by name and returns one picture per output (anything with
    ``.html``, or HTML text). Being pure it draws the same pixels for the same state, which is what ``reset``
    relies on: draw noise once, outside. The first drawing happens here and raises as usual; later an
    exception is shown as an alert above the last good picture.
    """

    def __init__(
        self,
        compute: Callable[..., Mapping],
        controls: Mapping[str, ipywidgets.ValueWidget],
        outputs: Mapping[str, ipywidgets.HTML],
    ):
        self.compute, self.controls, self.outputs = compute, dict(controls), dict(outputs)
        self._initial, self._shown, self._waiting = self.state, {}, None
        self._show(self._pictures())
        for control in self.controls.values():
            control.observe(self._moved, "value")

    @property
    def state(self) -> dict:
        """The controls' values by name; ``live.set(**state)`` brings them back."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **state) -> None:
        """Move several controls at once (a preset), draw once. ``ValueError`` names an unknown control."""
        unknown = [name for name in state if name not in self.controls]
        if unknown:
            raise ValueError(f"no control called {', '.join(unknown)}; there are: {', '.join(self.controls)}")
        for name, value in state.items():
            self.controls[name].value = value

    def reset(self) -> None:
        """Back to the first state, hence to exactly the first pictures."""
        self.set(**self._initial)

    def _moved(self, _change) -> None:
        """Note that something moved; draw once the kernel has taken in every message already there."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # plain Python, no kernel
            self._draw()
            return
        if self._waiting is None:
            loop.call_soon(self._wait, loop)
        self._waiting = TURNS

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._waiting -= 1
        if self._waiting > 0:
            loop.call_soon(self._wait, loop)
        else:
            self._waiting = None
            self._draw()

    def _draw(self) -> None:
        try:
            self._show(self._pictures())
        except Exception as error:  # whatever a page's own code raises must reach the reader
            name = next(iter(self.outputs))
            self.outputs[name].value = _alert(error, self.state) + self._shown[name]

    def _pictures(self) -> dict[str, str]:
        pictures = self.compute(**self.state)
        missing = [name for name in self.outputs if name not in pictures]
        if missing:
            raise ValueError(f"compute returned no picture for: {', '.join(missing)}")
        return {name: getattr(pictures[name], "html", pictures[name]) for name in self.outputs}

    def _show(self, pictures: dict[str, str]) -> None:
        self._shown = pictures
        for name, output in self.outputs.items():
            output.value = pictures[name]


class View:
    """A widget together with the picture that stands in for it where there is no kernel.

    A notebook shows the widget; GitHub, nbconvert and a notebook whose kernel is gone show ``still`` (a
    ``Picture`` or an ``Html``, such as a ``strip`` of frames).
    """

    def __init__(self, widget: ipywidgets.Widget, still):
        self.widget, self.still = widget, still

    def _repr_mimebundle_(self, include=None, exclude=None):
        live, still = self.widget._repr_mimebundle_(), self.still._repr_mimebundle_()
        (live, _), (still, about) = (b if isinstance(b, tuple) else (b, {}) for b in (live, still))
        return {**live, **still}, about


def _alert(error: Exception, state: dict) -> str:
    where = ", ".join(f"{name} = {value!r}" for name, value in state.items())
    trace = "".join(traceback.format_exception(error))
    return (
        '<div role="alert" style="padding:8px;border:2px solid #9a1f00;background:#ffffff;color:#9a1f00">'
        f"<b>The picture could not be drawn</b> at {escape(where)}: {escape(type(error).__name__)}:"
        f" {escape(str(error))}. What you see is the last one that could."
        f"<details><summary>Where it happened</summary><pre>{escape(trace)}</pre></details></div>"
    )
