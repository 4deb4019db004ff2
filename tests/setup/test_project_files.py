"""What a newcomer, a teacher and continuous integration read and run first."""

import os
import re
import shutil
import subprocess
import tomllib

import pytest
import yaml

TARGETS = {"lab", "test", "quick", "notebooks", "browser", "bench", "weights", "clean", "help"}
HOSTS = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "deb.deb" + "ian.org", "conda.ana" + "conda.org"]


def output(*command, cwd) -> str:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True).stdout


def tracked(root) -> list[str]:
    return output("git", "ls-files", cwd=root).splitlines()


def test_make_help_is_the_default_and_lists_every_target(root):
    shown = output("make", "--no-print-directory", cwd=root)
    assert set(re.findall(r"^  make (\w+)", shown, re.MULTILINE)) >= TARGETS


@pytest.mark.parametrize("target", sorted(TARGETS - {"clean", "help"}))
def test_every_target_sets_up_first(root, target):
    dry = output("make", "--no-print-directory", "-n", target, cwd=root)
    assert "scripts/setup.py" in dry.splitlines()[0]


def test_make_clean_leaves_what_people_made(root, tmp_path):
    shutil.copy(root / "Makefile", tmp_path)
    kept = ["runs/mine/weights.safetensors", "lecture12/10_mine.ipynb", "course/submitted/ada/x.ipynb"]
    gone = [".venv/bin/python", "artifacts/tests/quick.xml", ".pytest_cache/x", "dgm_tutor/__pycache__/x.pyc"]
    for name in kept + gone:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    output("make", "clean", cwd=tmp_path)
    assert all((tmp_path / name).exists() for name in kept)
    assert not any((tmp_path / name).exists() for name in gone)


@pytest.fixture
def ci(root, tmp_path):
    """Run .ci/run with stand-ins for the system's commands; what they were called with comes back."""

    def run(*present: str, home: str = "/nonexistent") -> list[str]:
        log = tmp_path / "log"
        for name in ("apt-get", "make", *present):
            stub = tmp_path / name
            stub.write_text(f'#!/bin/sh\necho "{name} $* HOME=$HOME" >> {log}\n')
            stub.chmod(0o755)
        for name in ("dirname", "mktemp"):
            (tmp_path / name).symlink_to(shutil.which(name))
        bash = shutil.which("bash")
        env = {"PATH": str(tmp_path), "HOME": home, "CI": "true"}
        subprocess.run([bash, root / ".ci" / "run"], env=env, check=True, stdin=subprocess.DEVNULL, timeout=60)
        return log.read_text().splitlines()

    return run


def test_ci_installs_nothing_that_is_there(ci):
    calls = ci("chromium", "bwrap", "git", "python3")
    assert [call.split(" HOME")[0] for call in calls] == ["make test"]


def test_ci_installs_what_is_missing(ci):
    calls = ci("git", "python3")
    assert calls[0].startswith("apt-get update")
    assert {"chromium", "bubblewrap"} <= set(calls[1].split())
    assert calls[-1].startswith("make test")


def test_ci_gives_jupyter_a_home_where_there_is_none(ci):
    (call,) = ci("chromium", "bwrap", "git", "python3", home="")
    assert os.path.isdir(call.partition("HOME=")[2])


def test_ci_is_executable(root):
    assert output("git", "ls-files", "-s", ".ci/run", cwd=root).startswith("100755")


def test_no_file_names_a_package_registry(root):
    named = []
    for name in tracked(root):
        content = (root / name).read_bytes() if (root / name).is_file() else b""
        named += [(name, host) for host in HOSTS if host.encode() in content]
    assert not named


def test_licences_are_here_and_whole(root):
    assert (root / "LICENSE").read_text().startswith("MIT License")
    course = (root / "LICENSE-COURSE").read_text(encoding="utf-8")
    for section in ("CC-BY-4.0", "Section 1 -- Definitions.", "Section 8 -- Interpretation."):
        assert section in course
    metadata = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    for pattern in metadata["license-files"]:
        assert list(root.glob(pattern)), f"no file matches {pattern}"


def test_the_citation_is_valid_and_of_this_version(root):
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    metadata = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert str(citation["version"]) == metadata["version"]


def test_the_first_screen_shows_what_it_is_a_picture_and_two_commands(root):
    screen = "\n".join((root / "README.md").read_text(encoding="utf-8").splitlines()[:30])
    assert re.search(r"!\[[^\]]{20,}\]\(docs/images/beta-vae\.png\)", screen), "a picture with alt text"
    assert "make lab" in screen
    assert "make test" in screen


def test_links_between_documents_lead_somewhere(root):
    documents = [name for name in tracked(root) if name.endswith(".md")]
    broken = []
    for name in documents:
        text = (root / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text):
            if not ((root / name).parent / target).exists():
                broken.append((name, target))
    assert not broken
