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
        reveal: called once a guess is made; returns which option the measurement bears out, and its numbers in words.

    Raises ValueError when what is revealed is not among the options.
    """

    def __init__(self, question: str, options: Sequence[str], reveal: Callable[[], tuple[str, str]]):
        self.question, self.options, self.reveal = question, list(options), reveal
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
        right, words = self._answer()
        verdict = "As you predicted" if self.choice.value == right else f"You said: {self.choice.value}. Measured"
        self.answer.value = f"<p style='{_STYLE}'><b>{escape(verdict)}: {escape(right)}.</b> {escape(words)}</p>"

    def _answer(self) -> tuple[str, str]:
        right, words = self.reveal()
        if right not in self.options:
            raise ValueError(f"the answer {right!r} is not among the options {self.options}")
        return right, words

    def _repr_mimebundle_(self, include=None, exclude=None):
        right, words = self._answer()
        summary = f"<details><summary>Reveal</summary><b>{escape(right)}.</b> {escape(words)}</details>"
        still = Html(f"<div style='{_STYLE}'><b>{escape(self.question)}</b>{summary}</div>", self.question)
        return View(self.widget, still)._repr_mimebundle_()


_STYLE = "color:#1a1a1a;background:#ffffff;margin:4px 0"
