"""The room a student's kernel runs in: bubblewrap, with nothing in it that could answer a question or keep a trace.

Inside there are the system's libraries, the Python environment, the parts of dgm_tutor that the assignment provides,
and an empty home in memory, gone afterwards. There is no network, no course, no gradebook, no other process; what can
be written is small, and the environment variables are the few named here.
"""

import os
import secrets
import shutil
import site
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import dgm_tutor

from dgm_autograder.limits import Limits

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts")
LIBRARY = Path(dgm_tutor.__file__).resolve().parent
AUTOGRADER = Path(__file__).resolve().parent
HOME = "/home/student"
PLACES = ("/tmp", "/dev/shm", HOME)  # that can be written
USER = 1000  # as a user namespace shows the one who grades
FIRST_UID = 0x70000000  # a root grader's kernels get users of their own from here on: nobody has these numbers
TOOLS = {"bwrap": "bubblewrap", "prlimit": "util-linux", "setpriv": "util-linux"}
MISSING = (
    "{tool} was not found, and without it students' code would run unconfined: install the package `{package}`, or, "
    "if you trust every student, set `c.SealedExecute.trust_students = True`"
)


class Unconfined(RuntimeError):
    """This machine cannot confine a kernel; the message says what to install."""


def tool(name: str) -> str:
    """Where a tool is. Raises `Unconfined` with the package to install."""
    found = shutil.which(name)
    if found is None:
        raise Unconfined(MISSING.format(tool=name, package=TOOLS[name]))
    return found


def stranger() -> int | None:
    """The user id for a root grader's kernel, or None where a user namespace does it.

    The limit on processes does not bind root, under whatever number a namespace shows it; and a number for each
    kernel keeps the kernels that run at the same time from one another's count.
    """
    return FIRST_UID + secrets.randbelow(1 << 20) if os.geteuid() == 0 else None


def command(
    room: Path,
    inner: list[str],
    *,
    limits: Limits | None = None,
    provides: Iterable[str] | None = None,
    files: Mapping[str, int] | None = None,
    seccomp: int | None = None,
    uid: int | None = None,
    shown: Iterable[str] = (),
) -> list[str]:
    """`inner` wrapped: it may write in its home, /tmp, /dev/shm and `room`, the folder of its sockets.

    `provides` names the modules of dgm_tutor to leave there, as `dgm_tutor.checks`; None leaves the package whole.
    `files` go into the home: name to open file descriptor. `seccomp` is the descriptor of a filter, `uid` what
    `stranger` gave, `shown` more paths to show read-only. Raises `Unconfined` where a tool is missing.
    """
    limits = limits or Limits()
    rights = None if uid is None else ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
    arguments = _walls(room, limits, provides, files or {}, rights, shown)
    if seccomp is not None:
        arguments += ["--seccomp", str(seccomp)]
    return [*arguments, "--", *_identity(uid), tool("prlimit"), *limits.options(), *inner]


def warm(
    base: Path, inner: list[str], *, provides: Iterable[str] | None, files: Mapping[str, int], shown: Iterable[str] = ()
) -> list[str]:
    """The same room for `zygote`, trusted code, which makes rooms within it, their sockets in folders below `base`."""
    rights = ("CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP") if os.geteuid() == 0 else None
    return [*_walls(base, Limits(), provides, files, rights, shown), "--", *inner]


def covered(provides: Iterable[str] | None, shown: Iterable[str] = ()) -> list[str]:
    """What a fresh /tmp in a room hides of that which must be seen there, and of that which must be empty."""
    emptied = [*copies(AUTOGRADER), *(copies(LIBRARY) if provides is not None else ())]
    paths = [*_readable(shown), *map(str, emptied)]
    below = sorted({path for path in paths if Path(path).is_relative_to("/tmp")})
    return [path for path in below if not any(path.startswith(f"{other}/") for other in below)]


def _walls(
    room: Path,
    limits: Limits,
    provides: Iterable[str] | None,
    files: Mapping[str, int],
    rights: Iterable[str] | None,
    shown: Iterable[str],
) -> list[str]:
    """bubblewrap's arguments; `rights` are the capabilities to keep, None is a user namespace in their place."""
    arguments = [tool("bwrap"), "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    arguments += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--hostname", "room"]
    if rights is None:
        arguments += ["--unshare-user", "--uid", str(USER), "--gid", str(USER)]
    else:
        arguments += ["--cap-drop", "ALL", *(word for right in rights for word in ("--cap-add", right))]
    shown = _readable(shown)
    arguments += _parents(*SYSTEM, *shown, room)
    for path in SYSTEM:
        arguments += ["--ro-bind-try", path, path]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    for place in PLACES:
        arguments += ["--perms", "1777", "--size", str(limits.disk), "--tmpfs", place]
    arguments += _parents(*shown, room)  # again: a checkout or a room under /tmp has lost those that lay there
    for path in shown:
        arguments += ["--ro-bind", path, path]
    arguments += _package(provides)
    for name, descriptor in files.items():
        arguments += ["--perms", "0666", "--file", str(descriptor), f"{HOME}/{name}"]
    arguments += ["--bind", str(room), str(room), "--remount-ro", "/", "--chdir", HOME, "--clearenv"]
    for name, value in environment().items():
        arguments += ["--setenv", name, value]
    return arguments


def _readable(shown: Iterable[str]) -> list[str]:
    """The Python environment and the paths `shown`, as they really lie."""
    return list(dict.fromkeys(map(os.path.realpath, (sys.base_prefix, sys.prefix, *shown))))


def _parents(*paths: str | Path) -> list[str]:
    """Make the folders above these paths; what bubblewrap makes for itself only root could enter."""
    parents = sorted({str(parent) for path in paths for parent in Path(path).parents} - {"/"})
    return [part for parent in parents for part in ("--perms", "0755", "--dir", parent)]


def _identity(uid: int | None) -> list[str]:
    if uid is None:
        return []
    who = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    return [tool("setpriv"), *who, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]


def _package(provides: Iterable[str] | None) -> list[str]:
    """Empty every copy of the autograder and of dgm_tutor, and put back what the assignment provides."""
    arguments: list[str] = []
    emptied = [(copy, ()) for copy in copies(AUTOGRADER)]
    if provides is not None:
        emptied += [(copy, ("dgm_tutor.__init__", *provides)) for copy in copies(LIBRARY)]
    for copy, modules in emptied:
        arguments += ["--size", "65536", "--tmpfs", str(copy)]
        for module in modules:
            path = Path(*module.split(".")[1:])
            path = path if (LIBRARY / path).is_dir() else path.with_suffix(".py")
            arguments += ["--ro-bind", str(LIBRARY / path), str(copy / path)]
        arguments += ["--remount-ro", str(copy)]
    return arguments


def copies(package: Path) -> list[Path]:
    """Every place a kernel could import this package from: a checkout and an installed wheel may both be there."""
    roots = [*sys.path, *site.getsitepackages([sys.prefix, sys.base_prefix])]
    found = (Path(root, package.name).resolve() for root in roots if root)
    return [package, *sorted({path for path in found if path.is_dir()} - {package})]


def environment(home: str = HOME) -> dict[str, str]:
    """Every variable a student's code sees."""
    return {
        "HOME": home,
        "IPYTHONDIR": f"{home}/.ipython",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "NBGRADER_EXECUTION": "autograde",
        "OMP_NUM_THREADS": "1",
        "PATH": "/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "USER": "student",
    }
