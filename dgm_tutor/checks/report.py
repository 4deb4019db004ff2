"""A check's report: plain text in a terminal, a small accessible box on a page."""

from dataclasses import dataclass
from html import escape

# Okabe-Ito colours; the sign and the words carry the meaning, the colour only repeats it.
LOOKS = {
    "right": ("✓", "Right", "#009E73"),
    "wrong": ("✗", "Not yet", "#D55E00"),
    "raised": ("!", "An error was raised", "#CC79A7"),
    "error": ("!", "This cannot be read", "#CC79A7"),
    "not attempted": ("…", "Not written yet", "#56B4E9"),
    "hint": ("?", "Hint", "#E69F00"),
}


@dataclass(frozen=True)
class Report:
    """`outcome` (a key of LOOKS: right, wrong, ...), the exercise's title, a message, the slip's name."""

    outcome: str
    title: str
    message: str
    slip: str | None = None

    def __str__(self) -> str:
        sign, words, _ = LOOKS[self.outcome]
        slip = f" [{self.slip}]" if self.slip else ""
        return f"{sign} {words}: {self.title}{slip}\n{self.message}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        sign, words, colour = LOOKS[self.outcome]
        slip = f" <em>({escape(self.slip)})</em>" if self.slip else ""
        return (
            f'<div role="status" style="border-left: 0.4em solid {colour}; padding: 0.2em 0.8em; margin: 0.4em 0">'
            f'<strong><span aria-hidden="true">{sign}</span> {words}</strong>: {escape(self.title)}{slip}'
            f'<div style="white-space: pre-wrap">{escape(self.message)}</div></div>'
        )
