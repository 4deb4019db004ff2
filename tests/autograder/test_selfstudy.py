"""A reader on their own: from an empty sheet to a score, and exercises are found wherever the notebook lies."""

import json

import pytest
from dgm_autograder import selfstudy

from dgm_tutor import cli


def test_a_notebook_anywhere_finds_its_exercises(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert selfstudy.find(tmp_path / "10-beta-vae.ipynb").name == "10-beta-vae"
    with pytest.raises(ValueError, match="no exercises called 'mine'; there are 10-beta-vae"):
        selfstudy.find(tmp_path / "mine.ipynb")


@pytest.mark.slow
def test_a_sheet_holds_the_questions_and_can_be_graded_as_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["grade", "--sheet", "10-beta-vae"]) == 0
    assert capsys.readouterr() == ("", "Wrote 10-beta-vae.ipynb\n")
    sheet = tmp_path / "10-beta-vae.ipynb"
    cells = {cell["id"]: "".join(cell["source"]) for cell in json.loads(sheet.read_text())["cells"]}
    assert "NotImplementedError" in cells["loss-answer"] and cells["price-answer"] == "price = None\n# YOUR CODE HERE"
    assert "BEGIN SOLUTION" not in sheet.read_text()

    assert cli.main(["grade", "10-beta-vae.ipynb", "--json"]) == 0
    said, told = capsys.readouterr()
    scores = {row["question"]: row["score"] for row in json.loads(said)}
    assert told.endswith("Wrote 10-beta-vae-feedback.html: feedback\n")
    assert scores.pop("interpret") == "by hand"
    assert len(scores) == 7 and not any(scores.values())


def test_a_sheet_never_takes_the_place_of_a_notebook(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "10-beta-vae.ipynb").write_text("my answers")
    assert cli.main(["grade", "--sheet", "10-beta-vae"]) == 1
    assert "10-beta-vae.ipynb is there already" in capsys.readouterr().err
    assert (tmp_path / "10-beta-vae.ipynb").read_text() == "my answers"
    assert cli.main(["grade", "--sheet", "11-nothing"]) == 1
    assert "no exercises called '11-nothing'" in capsys.readouterr().err
