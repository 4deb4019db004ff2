"""The chorales in the forms that models take and give back: one symbol a voice, or the keys that sound.

A step is an eighth note, a chord of four MIDI pitches (60 is the C in the middle), 0 a rest. Every voice has an
alphabet of its own: symbol 0 is its rest, symbol k the k-th pitch of its range in the embedded chorales.
"""

from __future__ import annotations

import torch
from torch import Tensor

RANGES = {"soprano": (57, 81), "alto": (53, 74), "tenor": (48, 69), "bass": (36, 64)}
"""Each voice's lowest and highest pitch."""
VOICES = tuple(RANGES)
SYMBOLS = tuple(highest - lowest + 2 for lowest, highest in RANGES.values())
"""How many symbols each voice has, its rest included: 26, 23, 23 and 30."""

_NOTES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


def pitch_name(pitch: int) -> str:
    """The name of a MIDI pitch, ``pitch_name(69)`` is A4; a rest for 0."""
    return f"{_NOTES[pitch % 12]}{pitch // 12 - 1}" if pitch else "rest"


def one_hot(pitches: Tensor) -> Tensor:
    """Pitches (..., 4), int64, as float (..., 102): the voices' one-hot symbols side by side.

    ValueError for a pitch outside its voice's range.
    """
    blocks = []
    for (voice, (lowest, highest)), pitch in zip(RANGES.items(), pitches.unbind(-1), strict=True):
        outside = (pitch != 0) & ((pitch < lowest) | (pitch > highest))
        if outside.any():
            raise ValueError(f"{voice}: pitch {int(pitch[outside][0])} is not in {lowest} to {highest}, nor a rest (0)")
        symbol = torch.where(pitch > 0, pitch - lowest + 1, 0)
        blocks.append(torch.nn.functional.one_hot(symbol, highest - lowest + 2))
    return torch.cat(blocks, -1).float()


def from_one_hot(x: Tensor) -> Tensor:
    """The pitches (n, T, 4) of sequences x (n, T, 102), flattened or not: what a model's samples sing.

    A step that is NaN is four rests. ValueError where the steps have another number of symbols.
    """
    if x.flatten(1).shape[1] % sum(SYMBOLS):
        raise ValueError(f"expected sequences of {sum(SYMBOLS)} values a step, got shape {tuple(x.shape)}")
    steps = x.flatten(1).unflatten(1, (-1, sum(SYMBOLS)))
    pitches = []
    for block, (lowest, _) in zip(steps.split(list(SYMBOLS), -1), RANGES.values(), strict=True):
        symbol = block.nan_to_num(0.0).argmax(-1)
        pitches.append(torch.where(symbol > 0, symbol + lowest - 1, 0))
    return torch.stack(pitches, -1)


def piano_roll(pitches: Tensor, lowest: int = 36, highest: int = 81) -> Tensor:
    """MIDI pitches (n, T, voices), 0 for a rest, as float (n, T, highest - lowest + 1) of 0 and 1.

    Which keys sound, not which voice sings them: two voices on one key become one. The defaults span the
    chorales. ValueError for a pitch outside the range.
    """
    sounding = pitches > 0
    if (outside := sounding & ((pitches < lowest) | (pitches > highest))).any():
        raise ValueError(f"pitch {int(pitches[outside][0])} is not in {lowest} to {highest}: widen the range")
    keys = torch.arange(lowest, highest + 1, device=pitches.device)
    return (pitches.unsqueeze(-1) == keys).any(-2).float()


def held_notes(pitches: Tensor) -> list[tuple[int, int, int, int]]:
    """The notes of one piece (T, voices): (voice, pitch, first step, number of steps), in the order they begin.

    Equal pitches in a row are one held note: the data do not say whether a note was struck again.
    """
    notes = []
    for voice, line in enumerate(pitches.T.tolist()):
        start = 0
        for step in range(1, len(line) + 1):
            if step == len(line) or line[step] != line[start]:
                if line[start]:
                    notes.append((voice, line[start], start, step - start))
                start = step
    return sorted(notes, key=lambda note: (note[2], note[0]))
