"""Make `.venv` and install the course in it. Standard library only; run by `make`, or by hand:

    python3 scripts/setup.py          (Windows: py -3.11 scripts/setup.py)

A second run does nothing until a file that decides what is installed changes;
a broken or half-made environment is mended.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP = "dgm-tutor.stamp"
OLDEST = (3, 11)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"


class SetupError(Exception):
    """What went wrong and what to do about it, for the person at the keyboard."""


def check_python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> None:
    """Raises SetupError where this Python is too old or cannot make environments."""
    if version < OLDEST:
        raise SetupError(
            f"This is Python {'.'.join(map(str, version))}; the course needs 3.11 or newer.\n"
            "Install one and name it: make PYTHON=python3.11 ..., or py -3.11 scripts/setup.py on Windows."
        )
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        raise SetupError(
            f"{sys.executable} cannot make virtual environments: it has no venv or no ensurepip.\n"
            f"On Debian or Ubuntu: sudo apt-get install python{version[0]}.{version[1]}-venv"
        )


def base_python() -> str:
    """This Python outside any environment: the one at hand may be the very one to be replaced."""
    return getattr(sys, "_base_executable", sys.executable)


def interpreter(venv: Path) -> Path:
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def projects(root: Path) -> dict[Path, str]:
    """The folders to install, each with its extras: the course and, where it exists and can run, the autograder."""
    found = {root: "[course,cluster,test]"}
    if (root / "autograder" / "pyproject.toml").exists() and sys.platform.startswith("linux"):
        found[root / "autograder"] = "[postgres]"
    return found


def fingerprint(root: Path) -> str:
    """Changes when the installed packages would: with the projects' metadata, the pins and this script."""
    metadata = [folder / "pyproject.toml" for folder in projects(root)]
    files = [*metadata, root / "constraints.txt", Path(__file__)]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def is_whole(venv: Path) -> bool:
    """Whether `venv` runs, has pip and a Python that is new enough, and was made where it now stands.

    Scripts of an environment carry its absolute path, so one that was moved or copied must be made again.
    """
    try:
        settings = (venv / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return False
    made_at = re.search(r"^command = .* -m venv (?:--\S+ )*(.+)$", settings, re.MULTILINE)
    if made_at is None or Path(made_at[1]).resolve() != venv.resolve():
        return False
    probe = f"import pip, sys; sys.exit(sys.version_info < {OLDEST})"
    try:
        return subprocess.run([interpreter(venv), "-c", probe], capture_output=True).returncode == 0
    except OSError:
        return False


def has_nvidia_gpu() -> bool:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return False
    answer = subprocess.run([tool, "-L"], capture_output=True, text=True)
    return answer.returncode == 0 and "GPU" in answer.stdout


def answers(url: str, seconds: float = 5.0) -> bool:
    """Whether `url` answers in time. A thread, as urlopen's timeout leaves out slow name servers."""
    reached = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(url + "/torch/", timeout=seconds):
                reached.set()
        except (OSError, http.client.HTTPException):
            pass  # unreachable: the caller says what follows

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return reached.is_set()


def torch_source(platform: str = sys.platform) -> tuple[list[str], str]:
    """pip's options for torch's index, and the reason in words.

    Only Linux wheels of the default index carry CUDA (gigabytes); elsewhere torch is already the small build.
    `2.13.0+cpu` satisfies `==2.13.0` and sorts above it, so adding the CPU index is enough.
    """
    if not platform.startswith("linux"):
        return [], "torch: the build for this system"
    if has_nvidia_gpu():
        return [], "torch: the CUDA build, for the NVIDIA GPU found by nvidia-smi (several GB)"
    if answers(CPU_INDEX):
        return ["--extra-index-url", CPU_INDEX], "torch: the CPU build (no NVIDIA GPU found)"
    return [], (
        f"torch: no NVIDIA GPU found, but {CPU_INDEX} does not answer.\n"
        "   pip takes a CPU build if it is set up to find one, else the CUDA build (several GB; works too)."
    )


def pip_install(venv: Path, *options) -> list:
    return [interpreter(venv), "-m", "pip", "install", "--disable-pip-version-check", *options]


def install(venv: Path, root: Path) -> None:
    """torch first, from the right index; then the rest, pinned, which finds torch already there."""
    pip = pip_install(venv, "-c", root / "constraints.txt")
    options, reason = torch_source()
    run([*pip, *options, "torch"], reason)
    editable = [part for folder, extras in projects(root).items() for part in ("-e", f"{folder}{extras}")]
    run([*pip, *editable], "The course and what it needs, at the tested versions")


def run(command: list, reason: str) -> None:
    print(f"-- {reason}", flush=True)
    code = subprocess.run([str(part) for part in command]).returncode
    if code != 0:
        raise SetupError(
            f"That step failed (exit {code}); its own last lines above say why. Check the network and the\n"
            "free disk space, then run the same command again: it goes on where this one stopped."
        )


def set_up(root: Path = ROOT, venv: Path = VENV) -> None:
    """Bring `venv` up to date. The stamp goes first and comes last, so a run cut short never looks done."""
    stamp, wanted = venv / STAMP, fingerprint(root)
    whole = is_whole(venv)
    if whole and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    if not whole:
        again = " again (it is broken, was moved, or another tool made it)" if venv.exists() else ""
        print(f"-- Making {venv}{again}", flush=True)
        run([base_python(), "-m", "venv", "--clear", venv], "A virtual environment with pip")
    stamp.unlink(missing_ok=True)
    install(venv, root)
    fresh = stamp.with_suffix(".new")
    fresh.write_text(wanted, encoding="utf-8")
    os.replace(fresh, stamp)
    print(f"-- Ready: {venv}", flush=True)


def main() -> int:
    try:
        check_python()
        set_up()
    except SetupError as error:
        print(f"\nSet-up stopped. {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSet-up interrupted; the next run goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
