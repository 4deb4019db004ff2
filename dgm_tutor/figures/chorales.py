"""The pictures of section 5: chorales as piano rolls, each voice in its colour, held notes as one bar."""

from collections.abc import Mapping

from torch import Tensor

from dgm_tutor.data.chorales import RANGES, VOICES, held_notes, pitch_name
from dgm_tutor.figures.palette import INK, RULE, colour, style
from dgm_tutor.figures.picture import Picture, figure, show

COLOURS = dict(zip(VOICES, ("vermilion", "orange", "green", "blue"), strict=True))
BAR = 8  # eighths in a bar of four quarters
THICK = dict(zip(VOICES, (0.9, 0.7, 0.7, 0.9), strict=True))  # outer voices are thicker: told apart without colour


def rolls(pieces: Mapping[str, Tensor]) -> Picture:
    """Piano rolls one above the other on the same axes, title -> pitches (T, 4).

    Raises ValueError for no piece, or one of another shape.
    """
    if not pieces:
        raise ValueError("rolls takes at least one piece, title -> pitches (T, 4)")
    for title, pitches in pieces.items():
        if pitches.dim() != 2 or pitches.shape[1] != len(VOICES):
            raise ValueError(f"{title}: expected pitches (T, {len(VOICES)}), got shape {tuple(pitches.shape)}")
    steps = max(map(len, pieces.values()))
    with style():
        fig, axes = figure(8.5, 0.6 + 2.4 * len(pieces), rows=len(pieces))
        for axis, (title, pitches) in zip(fig.axes, pieces.items(), strict=True):
            _roll(axis, title, pitches, steps)
        fig.axes[-1].set_xlabel("step (eighth notes)")
        handles, labels = fig.axes[0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside upper right", ncols=len(VOICES))
        return show(fig, " ".join(_words(title, pitches) for title, pitches in pieces.items()))


def _roll(axis, title: str, pitches: Tensor, steps: int) -> None:
    notes = held_notes(pitches)
    for voice, name in enumerate(VOICES):
        own = [note for note in notes if note[0] == voice]
        axis.barh(
            [pitch for _, pitch, _, _ in own],
            [length - 0.12 for *_, length in own],
            left=[first + 0.06 for _, _, first, _ in own],
            height=THICK[name],
            color=colour(COLOURS[name]),
            edgecolor=INK,
            linewidth=0.4,
            label=name,
        )
    lowest, highest = min(low for low, _ in RANGES.values()), max(high for _, high in RANGES.values())
    names = range(lowest, highest + 1, 12)
    axis.set(title=title, xlim=(0, steps), ylim=(lowest - 1, highest + 1), ylabel="pitch")
    axis.set_yticks(list(names), [pitch_name(pitch) for pitch in names])
    axis.set_xticks(range(0, steps + 1, BAR))
    axis.grid(axis="x", color=RULE, linewidth=0.5, alpha=0.5)
    axis.set_axisbelow(True)


def _words(title: str, pitches: Tensor) -> str:
    """A piece in words: its length, and each voice's range and number of notes."""
    notes, parts = held_notes(pitches), []
    for voice, name in enumerate(VOICES):
        own = [pitch for v, pitch, _, _ in notes if v == voice]
        span = f"{len(own)} notes from {pitch_name(min(own))} to {pitch_name(max(own))}" if own else "rests"
        parts.append(f"{name} {span}")
    return f"{title}: piano roll of {len(pitches)} steps, {', '.join(parts)}."
