"""Section 10's page asks for a line of D16, and leaves it to the reader."""

import re

import nbformat
import pages

WEIGHT = re.compile(r"(beta|β)\)? *[-−] *1\b")  # what the line is about


def test_the_line_that_is_asked_for_stands_nowhere_below():
    """Neither in what the cells say nor in what they print."""
    cells = nbformat.read(pages.LECTURE / "10_beta_vae.ipynb", 4).cells
    asked = next(i for i, cell in enumerate(cells) if "my_line = {}" in cell.source)
    assert len(cells) - asked > 20
    for cell in cells[asked:]:
        outputs = cell.get("outputs", [])
        for text in [cell.source, *(o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs)]:
            assert not WEIGHT.search(text), text
