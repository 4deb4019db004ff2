"""Tables: readable at a terminal's width, a line a row for scripts, nothing lost in either."""

import random
import re
import subprocess
import sys

import pytest

from dgm_tutor import cli, models
from dgm_tutor.columns import columns

WORDS = ["a", "rate", "distortion", "1", "+", "x_dim=784,", "non_saturating(z)"]


def made_up(seed: int) -> list[dict[str, str]]:
    draw = random.Random(seed)
    return [
        {
            heading: " ".join(draw.choices(WORDS, k=draw.choice([0, 1, most])))
            for heading, most in (("name", 1), ("loss", 6), ("settings", 20))
        }
        | {"name": f"model{index}"}
        for index in range(5)
    ]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("width", [30, 60, 80, 120])
def test_folded_rows_fit_and_lose_nothing(seed, width):
    rows = made_up(seed)
    text = columns(rows, width)
    assert max(map(len, text.split("\n"))) <= width
    told = sorted(word.rstrip(";") for row in rows for cell in row.values() for word in cell.split())
    headings = {"name", "loss", "settings", "loss:", "settings:"}
    assert sorted(word for word in re.split(r"[;\s]+", text) if word and word not in headings) == told


def test_a_column_is_folded_no_more_than_it_must():
    row = {"name": "vae", "loss": "1 distortion + 1 rate", "settings": "x_dim=784, z_dim=20, hidden=400"}
    assert columns([row], 41) == (
        "name  loss               settings\n"
        "vae   1 distortion + 1   x_dim=784,\n"
        "      rate               z_dim=20,\n"
        "                         hidden=400"
    )
    assert columns([row], 80) == columns([row]) and len(columns([row]).split("\n")) == 2
    assert columns([row], 24) == (
        "vae\n    loss: 1 distortion +\n    1 rate; settings:\n    x_dim=784, z_dim=20,\n    hidden=400"
    )


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("words", [["models"], ["models", "--table"], ["data"]])
def test_what_is_listed_fits_a_terminal_and_is_a_line_a_row_in_a_pipe(capsys, monkeypatch, words, width):
    assert cli.main(words) == 0
    piped = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert cli.main(words) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.split("\n"))) <= width
    lost = set(re.findall(r"[\w=]+", piped)) - set(re.findall(r"[\w=]+", shown))
    assert not lost - {"name", "recipe", "objective"}  # headings that a paragraph needs not
    if words[0] == "models":
        assert sum(line.split(" ")[0] in models.names() for line in piped.split("\n")) == len(models.names())


def test_what_was_written_is_said_after_the_result_and_apart_from_it():
    code = "from dgm_tutor.cli.command import show, wrote; show([{'a': 1}], False); wrote('b.csv', 'marks')"
    together = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert together.stdout == "a\n1\nWrote b.csv: marks\n"
    apart = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert apart.stdout == "a\n1\n"
