"""Predict, then reveal: a question that answers only once the student has committed to a guess."""

from collections.abc import Callable, Sequence
from html import escape

import ipywidgets

from dgm_tutor.figures.html import Html
from dgm_tutor.widgets.accessibility import announce
from dgm_tutor.widgets.live import View


class Predict:
    """A question with options; ``Reveal`` shows the measured answer beside the student's guess.

    Args:
        question: one sentence.
        options: the guesses.
        right: which of them the measurement bears out.
        reveal: called once a guess is made; returns the answer in words, with its numbers.
    """

    def __init__(self, question: str, options: Sequence[str], right: str, reveal: Callable[[], str]):
        if right not in options:
            raise ValueError(f"the right answer {right!r} is not among the options {list(options)}")
        self.question, self.right, self.reveal = question, right, reveal
        self.choice = ipywidgets.RadioButtons(
            options=list(options), value=None, layout=ipywidgets.Layout(width="max-content"),
        )  # fmt: skip
        self.button = ipywidgets.Button(description="Reveal", tooltip="show the measured answer", disabled=True)
        self.answer = announce(ipywidgets.HTML())
        self.choice.observe(self._chosen, "value")
        self.button.on_click(self._revealed)
        question_html = ipywidgets.HTML(f"<p style='{_STYLE}'><b>{escape(question)}</b></p>")
        self.widget = ipywidgets.VBox([question_html, self.choice, self.button, self.answer])

    def _chosen(self, change) -> None:
        self.button.disabled = change["new"] is None

    def _revealed(self, _button) -> None:
        verdict = "As you predicted." if self.choice.value == self.right else f"You said: {self.choice.value}."
        self.answer.value = f"<p style='{_STYLE}'>{escape(verdict)} {escape(self.reveal())}</p>"

    def _repr_mimebundle_(self, include=None, exclude=None):
        answer = self.reveal()
        summary = f"<details><summary>Reveal</summary>{escape(answer)}</details>"
        still = Html(f"<div style='{_STYLE}'><b>{escape(self.question)}</b>{summary}</div>", self.question)
        return View(self.widget, still)._repr_mimebundle_()


_STYLE = "color:#1a1a1a;background:#ffffff;margin:4px 0"
