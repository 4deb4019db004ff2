"""Jobs that need a process of their own: kernels in Triton's interpreter, and kernels compiled ahead of time.

``TRITON_INTERPRET`` is read when a kernel is defined, so one process can do one of the two.
"""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

MISSING = "Triton is not installed: pip install -c constraints.txt triton (Linux; `make setup` does it)"


def run(command: list, root, **env: str) -> None:
    """Run it; where it fails, the test fails with the last lines it printed."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=root,
        env={**os.environ, "OMP_NUM_THREADS": "1", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-60:])
        pytest.fail(f"python {' '.join(map(str, command))}\nexit {done.returncode}:\n{tail}", pytrace=False)


@pytest.fixture
def interpreter(root) -> Callable[[str], None]:
    """Runs tests/kernels/interpreter/NAME.py under pytest with TRITON_INTERPRET=1."""

    def job(name: str) -> None:
        file = f"tests/kernels/interpreter/{name}.py"
        run(["-m", "pytest", "-q", "-p", "no:cacheprovider", file], root)

    return job


@pytest.fixture
def compiled(root) -> Callable[..., None]:
    """Runs scripts/kernels.py, without the interpreter."""

    def job(*arguments: str) -> None:
        run(["scripts/kernels.py", *arguments], root, TRITON_INTERPRET="0")

    return job


@pytest.fixture
def python(root) -> Callable[..., None]:
    """Runs a program given as text, with these environment variables."""
    return lambda program, **env: run(["-c", program], root, **env)


@pytest.fixture(autouse=True)
def _there_is_a_triton():
    from dgm_tutor.kernels.backend import installed

    if sys.platform == "linux" and not installed():
        pytest.fail(MISSING, pytrace=False)
