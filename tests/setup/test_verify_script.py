"""scripts/verify.py: every stage runs, a failure is not lost, and a missing browser is said first."""

import itertools
import sys

import chromium
import pytest
import verify

PASSING = [sys.executable, "-c", "print('fine')"]
FAILING = [sys.executable, "-c", "raise SystemExit(3)"]


@pytest.fixture
def stages(monkeypatch, tmp_path):
    def use(**commands):
        monkeypatch.setattr(verify, "STAGES", {name: [command] for name, command in commands.items()})
        monkeypatch.setattr(verify, "REPORTS", tmp_path)

    return use


def test_a_failure_stays_a_failure_and_later_stages_still_run(stages, capfd):
    stages(first=FAILING, second=PASSING)
    assert verify.main([]) == 1
    out = capfd.readouterr().out
    assert "fine" in out
    assert [line.split()[:2] for line in out.splitlines() if line.startswith(("first", "second"))] == [
        ["first", "FAILED"],
        ["second", "ok"],
    ]


def test_success_is_exit_zero(stages):
    stages(first=PASSING, second=PASSING)
    assert verify.main([]) == 0


def test_only_the_named_stages_run(stages, capfd):
    stages(first=FAILING, second=PASSING)
    assert verify.main(["second"]) == 0
    assert verify.main(["third"]) == 2
    assert "first, second" in capfd.readouterr().err


@pytest.mark.slow
def test_the_closing_line_adds_up_the_tests_of_all_stages(stages, tmp_path, capfd):
    (tmp_path / "test_ok.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    (tmp_path / "test_bad.py").write_text("def test_three(): assert False\n")
    folder = ["-c", "/dev/null", "--rootdir", str(tmp_path), "-p", "no:cacheprovider"]
    stages(good=None, bad=None)
    verify.STAGES["good"] = [verify.pytest("good", *folder, str(tmp_path / "test_ok.py"))]
    verify.STAGES["bad"] = [verify.pytest("bad", *folder, str(tmp_path / "test_bad.py"))]
    assert verify.main([]) == 1
    assert capfd.readouterr().out.splitlines()[-1] == "2 passed, 1 failed"


@pytest.mark.slow
def test_a_stage_with_no_tests_fails(stages, tmp_path):
    (tmp_path / "test_none.py").write_text("")
    stages(empty=None)
    verify.STAGES["empty"] = [verify.pytest("empty", "-c", "/dev/null", str(tmp_path / "test_none.py"))]
    assert verify.main([]) == 1


def test_every_test_is_in_a_tier():
    """Whatever markers a test carries, quick, slow, browser or the package stages select it."""
    commands = [verify.STAGES[stage][0] for stage in ("quick", "slow", "browser", "wheel")]
    tiers = [command[command.index("-m", 3) + 1] for command in commands]
    for slow, browser, package in itertools.product([False, True], repeat=3):
        marks = {"slow": slow, "browser": browser, "package": package}
        assert any(eval(tier, {}, marks) for tier in tiers), marks


def test_a_missing_browser_is_said_first(stages, monkeypatch, capfd):
    monkeypatch.setattr(chromium, "find", lambda: None)
    stages(quick=PASSING, browser=FAILING)
    assert verify.main([]) == 1
    out = capfd.readouterr().out
    assert out.index("apt-get install chromium") < out.index("fine")


@pytest.mark.skipif(sys.platform == "win32", reason="stands in for Chromium with a shell script")
def test_the_browser_is_the_named_one_or_the_first_on_the_path(monkeypatch, tmp_path):
    for name in ("google-chrome", "mine"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert chromium.find() == str(tmp_path / "google-chrome")
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "mine"))
    assert chromium.find() == str(tmp_path / "mine")
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "gone"))
    assert chromium.find() is None
