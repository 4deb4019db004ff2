"""The warm process that starts before the grader is ready is the one that it then asks for."""

from pathlib import Path

import pytest
from dgm_autograder import early, forkserver
from dgm_autograder.assignment import load
from nbgrader.apps.autogradeapp import AutogradeApp
from nbgrader.apps.generatefeedbackapp import GenerateFeedbackApp

EXERCISES = Path(__file__).parents[2] / "course" / "exercises"


@pytest.fixture
def asked(monkeypatch):
    """What `forkserver.warm` was asked for; nothing is started."""
    asked = []
    monkeypatch.setattr(forkserver, "warm", asked.append)
    yield asked
    AutogradeApp.clear_instance()


@pytest.mark.parametrize("folder", sorted(path.parent for path in EXERCISES.glob("*/checks.py")), ids=lambda f: f.name)
def test_what_is_read_without_running_it_is_what_grading_asks_for(folder):
    assert early.provides(folder / "checks.py") == tuple(load(folder).provides)


@pytest.mark.parametrize("line", [["10-beta-vae"], ["--assignment=10-beta-vae"]])
def test_the_command_says_which(asked, line, tmp_path):
    AutogradeApp.instance().initialize([*line, f"--course={tmp_path}"])
    early.warm(EXERCISES)
    assert asked == [tuple(load(EXERCISES / "10-beta-vae").provides)]


@pytest.mark.parametrize("line", [[], ["nobody-s"]])
def test_where_nothing_can_be_known_nothing_is_started(asked, line, tmp_path):
    early.warm(EXERCISES)  # in no command
    AutogradeApp.instance().initialize([*line, f"--course={tmp_path}"])
    early.warm(EXERCISES)
    AutogradeApp.clear_instance()
    GenerateFeedbackApp.instance().initialize(["10-beta-vae", f"--course={tmp_path}"])
    early.warm(EXERCISES)
    GenerateFeedbackApp.clear_instance()
    assert asked == []


def test_a_list_that_must_be_run_to_be_known_is_an_error(tmp_path):
    (tmp_path / "checks.py").write_text("PROVIDES = ['a'] + more\n")
    with pytest.raises(ValueError):
        early.provides(tmp_path / "checks.py")
    (tmp_path / "checks.py").write_text("EXERCISES = []\n")
    with pytest.raises(ValueError, match="has no PROVIDES"):
        early.provides(tmp_path / "checks.py")
