"""The room a student's kernel runs in: bubblewrap, with nothing in it that could answer a question or keep a trace.

Inside there are the system's libraries, the Python environment, the parts of dgm_tutor that the assignment provides,
and one folder to work in, thrown away afterwards. There is no network, no home, no course, no gradebook, no other
process; the environment variables are the few named here.
"""

import os
import shutil
import site
import sys
from collections.abc import Iterable
from pathlib import Path

import dgm_tutor

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts")
LIBRARY = Path(dgm_tutor.__file__).resolve().parent
AUTOGRADER = Path(__file__).resolve().parent


def command(folder: Path, provides: Iterable[str], inner: list[str]) -> list[str]:
    """`inner` wrapped so that it sees only what an assignment provides, and may write only in `folder`.

    `provides` names modules as `dgm_tutor.checks`. Raises `RuntimeError` where bubblewrap is missing: without it no
    mark could be trusted.
    """
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        raise RuntimeError("bubblewrap (bwrap) was not found; grading needs it: install the package `bubblewrap`")
    arguments = [bubblewrap, "--unshare-all", "--die-with-parent", "--new-session", "--uid", "1000", "--gid", "1000"]
    for path in SYSTEM:
        arguments += ["--ro-bind-try", path, path]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/dev/shm"]
    for prefix in dict.fromkeys(map(os.path.realpath, (sys.base_prefix, sys.prefix))):
        arguments += ["--ro-bind", prefix, prefix]
    for copy in copies(AUTOGRADER):
        arguments += ["--tmpfs", str(copy)]
    for copy in copies(LIBRARY):
        arguments += ["--tmpfs", str(copy)]
        for module in ("dgm_tutor.__init__", *provides):
            path = Path(*module.split(".")[1:])
            path = path if (LIBRARY / path).is_dir() else path.with_suffix(".py")
            arguments += ["--ro-bind", str(LIBRARY / path), str(copy / path)]
    arguments += ["--bind", str(folder), str(folder), "--chdir", str(folder), "--clearenv"]
    for name, value in environment(folder).items():
        arguments += ["--setenv", name, value]
    return [*arguments, "--", *inner]


def copies(package: Path) -> list[Path]:
    """Every place a kernel could import this package from: a checkout and an installed wheel may both be there."""
    roots = [*sys.path, *site.getsitepackages([sys.prefix, sys.base_prefix])]
    found = (Path(root, package.name).resolve() for root in roots if root)
    return [package, *sorted({path for path in found if path.is_dir()} - {package})]


def environment(folder: Path) -> dict[str, str]:
    """Every variable a student's code sees."""
    return {
        "HOME": str(folder),
        "IPYTHONDIR": str(folder / ".ipython"),
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "NBGRADER_EXECUTION": "autograde",
        "OMP_NUM_THREADS": "1",
        "PATH": "/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
