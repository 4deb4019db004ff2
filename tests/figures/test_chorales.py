"""Chorales seen and heard: the right pitches at the right time, no clicks, and words for both."""

import io
import wave

import numpy as np
import pytest
import torch

from dgm_tutor import data
from dgm_tutor.figures import chorales, show, sound


def piece(*voices):
    return torch.tensor(voices).T


REST = [0] * 4


def played(data: bytes) -> np.ndarray:
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, sound.RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767


def spectrum(samples):
    strength = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.fft.rfftfreq(len(samples), 1 / sound.RATE), strength


@pytest.mark.parametrize(("pitch", "hertz"), [(69, 440.0), (57, 220.0), (60, 261.63)])
def test_the_loudest_frequency_of_a_lone_note_is_its_own(pitch, hertz):
    samples = played(sound.listen(piece(REST, [pitch] * 4, REST, REST), "a note").wav)
    frequencies, strength = spectrum(samples)
    assert len(samples) == sound.RATE
    assert abs(frequencies[strength.argmax()] - hertz) < 1
    harmonics = np.abs(frequencies[:, None] / hertz - np.arange(1, 5)).min(1) < 0.05
    assert strength[~harmonics].max() < 0.01 * strength.max()


def test_all_voices_sound_together_and_stay_below_full_scale():
    samples = played(sound.listen(piece([81] * 4, [69] * 4, [57] * 4, [45] * 4), "octaves").wav)
    frequencies, strength = spectrum(samples)
    for hertz in (110, 220, 440, 880):
        assert strength[np.abs(frequencies - hertz) < 2].max() > 0.2 * strength.max()
    assert 0.2 < np.abs(samples).max() <= 1


def test_a_held_note_is_struck_once_and_another_note_anew():
    def loudness(line):
        samples = sound.synthesise(piece(line, REST, REST, REST), seconds=0.25)
        border = round(0.5 * sound.RATE)
        return np.abs(samples[border - 60 : border + 60]).max() / np.abs(samples).max()

    assert loudness([69, 69, 69, 69]) > 0.8
    assert loudness([69, 69, 71, 71]) < 0.2


def test_no_border_clicks():
    """From sample to sample no more than the steepest harmonics can move, in every piece, up to both ends."""
    pitches = data.load("chorales").test.x[0, :32]
    samples = sound.synthesise(pitches)
    steepest = sum(
        2 * np.pi * k * a * sound.frequency(int(p)) / sound.RATE
        for p in pitches.max(0).values
        for k, a in enumerate(sound.HARMONICS, 1)
    ) / (4 * sum(sound.HARMONICS))
    jumps = np.abs(np.diff(samples, prepend=0, append=0))
    assert jumps.max() < 1.1 * steepest
    borders = [round(0.25 * step * sound.RATE) for step in range(1, 32)]
    struck = [b for step, b in enumerate(borders, 1) if (pitches[step] != pitches[step - 1]).all()]
    assert struck and all(np.abs(samples[b - 2 : b + 2]).max() < 1e-3 for b in struck)


def test_a_sound_is_labelled_and_told_in_words():
    pitches = piece([69, 69, 0, 72], [60] * 4, REST, REST)
    heard = sound.listen(pitches, "a <sample>")
    assert heard.transcript == "soprano: A4 2, rest 1, C5 1; alto: C4 4; tenor: rest 4; bass: rest 4"
    assert 'aria-label="a &lt;sample&gt;"' in heard.html and "data:audio/wav;base64,UklGR" in heard.html
    assert heard.transcript in heard.html and "autoplay" not in heard.html
    assert heard._repr_mimebundle_()["text/plain"].startswith("a <sample>: soprano")


def test_what_cannot_be_heard_or_seen_is_refused():
    with pytest.raises(ValueError, match="one piece"):
        sound.listen(torch.zeros(2, 3, 4, dtype=torch.long), "two")
    with pytest.raises(ValueError, match="label"):
        sound.listen(piece(REST, REST, REST, REST), " ")
    with pytest.raises(ValueError, match="a step"):
        sound.synthesise(piece(REST, REST, REST, REST), seconds=0.05)
    with pytest.raises(ValueError, match="scale"):
        sound.wav(np.array([0.0, np.nan]))
    with pytest.raises(ValueError, match="at least one piece"):
        chorales.rolls({})
    with pytest.raises(ValueError, match="Bach"):
        chorales.rolls({"Bach": torch.zeros(8, dtype=torch.long)})


def test_rolls_have_a_bar_for_each_note_where_it_sounds(monkeypatch):
    drawn = {}
    monkeypatch.setattr(chorales, "show", lambda fig, alt: drawn.update(fig=fig) or show(fig, alt))
    pieces = {"One": piece([69, 69, 0, 72], [60] * 4, REST, REST), "Two": piece(REST, REST, REST, REST)}
    picture = chorales.rolls(pieces)
    bars = drawn["fig"].axes[0].patches
    found = sorted((round(b.get_x(), 2), round(b.get_width(), 2), b.get_y() + b.get_height() / 2) for b in bars)
    assert found == [(0.06, 1.88, 69), (0.06, 3.88, 60), (3.06, 0.88, 72)]
    assert len({b.get_facecolor() for b in bars}) == 2
    ticks = [tick.get_text() for tick in drawn["fig"].axes[0].get_yticklabels()]
    assert ticks == ["C2", "C3", "C4", "C5"]
    assert "One: piano roll of 4 steps, soprano 2 notes from A4 to C5" in picture.alt and "bass rests" in picture.alt
