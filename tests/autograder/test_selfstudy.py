"""A reader on their own: exercises are found wherever the notebook lies."""

import pytest
from dgm_autograder import selfstudy


def test_a_notebook_anywhere_finds_its_exercises(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert selfstudy.find(tmp_path / "10-beta-vae.ipynb").name == "10-beta-vae"
    with pytest.raises(ValueError, match="no exercises called 'mine'; there are 10-beta-vae"):
        selfstudy.find(tmp_path / "mine.ipynb")
