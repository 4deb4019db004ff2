"""The built wheel, and fresh environments to try it in."""

import subprocess
import sys
from pathlib import Path

import pytest
import setup


def run(*command, **options) -> str:
    """What `command` printed; where it fails, the test fails with its last lines."""
    words = [str(word) for word in command]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-40:])
        pytest.fail(f"{' '.join(words)}\nexit {done.returncode}, its last lines:\n{tail}", pytrace=False)
    return done.stdout


@pytest.fixture(scope="session")
def execute():
    """``run``, for tests."""
    return run


@pytest.fixture(scope="session")
def wheel(root, tmp_path_factory) -> Path:
    """The wheel that `python -m build` makes. Its isolated build fetches hatchling: pip must reach an index."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, root)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def fresh(tmp_path_factory):
    """Makes an environment with torch, the tested version from the right index, and whatever is asked for."""

    def make(*requirements, pins: Path) -> Path:
        venv = tmp_path_factory.mktemp("environment") / "venv"
        run(sys.executable, "-m", "venv", venv)
        options, _ = setup.torch_source()
        run(*setup.pip_install(venv, "-c", pins, *options, "torch"))
        run(*setup.pip_install(venv, "-c", pins, *requirements))
        return venv

    return make
