"""Chorales to be heard: sines added up, a WAV of 16 bits, and an ``<audio>`` with what it plays in words."""

import base64
import html
import io
import wave
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from dgm_tutor.data.chorales import VOICES, held_notes, pitch_name

RATE = 11025  # samples a second: the fourth harmonic of the highest soprano is at 3,520 Hz
HARMONICS = (1.0, 0.4, 0.2, 0.1)  # the amplitudes of a note's first harmonics
ATTACK, RELEASE = 0.015, 0.06  # seconds in which a note comes and goes


def frequency(pitch: int) -> float:
    """Hz of a MIDI pitch in equal temperament, A4 = 69 at 440 Hz."""
    return 440.0 * 2 ** ((pitch - 69) / 12)


def synthesise(pitches: Tensor, seconds: float = 0.25) -> np.ndarray:
    """One piece (T, voices) as samples in (-1, 1), RATE a second; a step lasts ``seconds``.

    A held note is struck once. Every note begins and ends in silence inside its own steps, so that no border clicks.
    ValueError unless a step is longer than a note takes to come and go.
    """
    if not seconds > ATTACK + RELEASE:
        raise ValueError(f"seconds: expected more than {ATTACK + RELEASE:g} a step, got {seconds}")
    samples = np.zeros(round(len(pitches) * seconds * RATE))
    for _, pitch, first, steps in held_notes(pitches):
        start, end = (round(step * seconds * RATE) for step in (first, first + steps))
        samples[start:end] += _note(frequency(pitch), end - start)
    return samples / (sum(HARMONICS) * pitches.shape[1])


def _note(hertz: float, count: int) -> np.ndarray:
    """Harmonics under an envelope that rises and falls as half a cosine."""
    time = np.arange(count) / RATE
    tone = sum(a * np.sin(2 * np.pi * k * hertz * time) for k, a in enumerate(HARMONICS, 1))
    until_end = time[::-1]
    inside = np.minimum(np.clip(time / ATTACK, 0, 1), np.clip(until_end / RELEASE, 0, 1))
    return tone * (1 - np.cos(np.pi * inside)) / 2


def wav(samples: np.ndarray) -> bytes:
    """A mono WAV file of 16 bits; samples in [-1, 1]. ValueError for others, which would be cut off."""
    if not (np.abs(samples) <= 1).all():  # written so that NaN fails too
        raise ValueError("wav takes samples in [-1, 1]: scale them first")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).round().astype("<i2").tobytes())
    return buffer.getvalue()


@dataclass(frozen=True)
class Sound:
    """A WAV with its label, and a transcript for who cannot hear it; a notebook shows a player and the transcript."""

    wav: bytes = field(repr=False)
    label: str
    transcript: str

    @property
    def html(self) -> str:
        label = html.escape(self.label)
        source = base64.b64encode(self.wav).decode()
        return (
            f'<figure style="margin:0"><figcaption>{label}</figcaption>'
            f'<audio controls preload="metadata" aria-label="{label}" src="data:audio/wav;base64,{source}"></audio>'
            f"<details><summary>What it plays</summary><p>{html.escape(self.transcript)}</p></details></figure>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": self.html, "text/plain": f"{self.label}: {self.transcript}"}


def listen(pitches: Tensor, label: str, seconds: float = 0.25) -> Sound:
    """One piece of pitches (T, 4), to be heard. ValueError for an empty label or another shape."""
    if pitches.dim() != 2 or pitches.shape[1] != len(VOICES) or not len(pitches):
        raise ValueError(f"listen takes one piece (T, {len(VOICES)}) of pitches, got shape {tuple(pitches.shape)}")
    if not label.strip():
        raise ValueError("a sound needs a label: say in a few words what is heard")
    return Sound(wav(synthesise(pitches, seconds)), label, transcript(pitches))


def transcript(pitches: Tensor) -> str:
    """Each voice's notes and how many steps they last: "soprano: G4 2, rest 1, A4 4; alto: ..."."""
    lines = []
    for voice, line in zip(VOICES, pitches.T, strict=True):
        changes, counts = line.unique_consecutive(return_counts=True)
        notes = [f"{pitch_name(p)} {n}" for p, n in zip(changes.tolist(), counts.tolist(), strict=True)]
        lines.append(f"{voice}: {', '.join(notes)}")
    return "; ".join(lines)
