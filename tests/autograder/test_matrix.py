"""The banks' proof on 20 seeds, and the self-study command."""

import argparse
import json

import pytest
from dgm_autograder.commands import grade
from dgm_autograder.matrix import matrix, table

from .course import EXERCISES, NAME, SOURCE

pytestmark = pytest.mark.slow


def test_every_wrong_answer_is_caught_and_every_right_one_accepted():
    rows = matrix(EXERCISES, seeds=20)
    assert [row.flipped for row in rows] == [()] * len(rows)
    for row in rows:
        assert row.accepted_wrong == row.refused_right == 0 and row.seeds == 20
        assert row.named >= row.wrong - 1, f"{row.exercise}: slips left unnamed"
    assert "0 of" in table(rows)


def test_grading_alone_gives_a_score_and_a_page(tmp_path, capsys, root, monkeypatch):
    monkeypatch.chdir(root)
    notebook = tmp_path / "my answers.ipynb"
    source = json.loads(SOURCE.read_text())
    for cell in source["cells"]:
        if cell["id"] == "loss-answer":
            cell["source"] = "".join(cell["source"]).replace("rsample()", "sample()")
    notebook.write_text(json.dumps(source))
    parser = argparse.ArgumentParser()
    grade.add_arguments(parser)
    with pytest.raises(ValueError, match="--assignment"):
        grade.run(parser.parse_args([str(notebook)]))
    assert grade.run(parser.parse_args([str(notebook), "--assignment", NAME, "--json"])) == 0
    scores = {row["question"]: row["score"] for row in json.loads(capsys.readouterr().out)}
    assert scores["interpret"] == "by hand" and scores.pop("loss") == 0
    assert sum(score for score in scores.values() if score != "by hand") == 20
    assert "z cut from the graph" in (tmp_path / "my answers-feedback.html").read_text()
