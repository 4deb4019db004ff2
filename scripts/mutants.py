"""Do the tests catch known slips? ``python scripts/mutants.py [LIST ...]`` (default: every tests/mutants/*.toml).

A mutant is a slip that somebody made: a file, the right text, the wrong text, and the tests that must fail for it. Each
one is put into a copy of the tree, where its tests are run; the working tree is never touched. First the same tests
must pass there without any slip. Exit code 1 if a mutant survives, 2 if a list does not fit the code.

Most of such a short run would be imports, so each is forked from a server that holds torch and pytest, but none of
our own modules: those come from the tree each time. Installed pytest plugins, which no listed test needs, stay out.

    [[mutant]]
    name = "planar: |w| for |w|^2"
    source = "who made it, or why one would"   # optional
    file = "dgm_tutor/components/flows/residual.py"
    old = "w.square().sum()"          # must occur exactly once
    new = "w.norm()"
    tests = ["tests/components/flows/test_transforms.py::test_a"]
"""

import argparse
import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
import tomllib
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("dgm_tutor", "tests", "scripts", "autograder", "course", "pyproject.toml")
PRELOADED = ["torch", "torch.distributions", "safetensors.torch", "numpy", "pytest"]  # nothing that a list may change
LIMIT = 3600  # seconds for all the tests without any slip
INTERPRETED = "tests/kernels/interpreter/"
RAN = 100  # added to pytest's exit code, for Python ends a process that broke down with 1, pytest's "tests failed"


class Unfit(ValueError):
    """A list that does not fit the code; the message says which entry, and what to change."""


@dataclass(frozen=True)
class Mutant:
    """One slip: in ``file``, ``old`` became ``new``; at least one of ``tests`` must notice."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    source: str = ""

    def applied(self, root: Path) -> str:
        """The file's text with the slip in it. Unfit unless ``old`` occurs exactly once and ``new`` differs."""
        path = root / self.file
        if not path.is_file():
            raise Unfit(f"{self.name}: there is no file {self.file}")
        text = path.read_text(encoding="utf-8")
        if (count := text.count(self.old)) != 1:
            raise Unfit(f"{self.name}: {self.old!r} occurs {count} times in {self.file}, expected exactly once")
        if self.new == self.old:
            raise Unfit(f"{self.name}: old and new are the same")
        return text.replace(self.old, self.new)


def read(path: Path) -> list[Mutant]:
    """The mutants of a list. Unfit for a missing or unknown key, a repeated name, or no tests."""
    found = []
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", []):
        keys = set(Mutant.__dataclass_fields__) - {"source"}
        if set(entry) - {"source"} != keys or not entry["tests"]:
            raise Unfit(f"{path.name}: {entry.get('name', entry)}: expected {', '.join(sorted(keys))}, tests not empty")
        found.append(Mutant(**{**entry, "tests": tuple(entry["tests"])}))
    names = [mutant.name for mutant in found]
    if not found or len(names) != len(set(names)):
        raise Unfit(f"{path.name}: expected at least one [[mutant]], each with a name of its own")
    return found


def copy(root: Path, to: Path) -> None:
    """What the tests need, without caches."""
    for name in COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, to)


def run(tree: Path, tests: list[str]) -> None:
    """In a process of its own: pytest on the tree's files, its output in log.txt. Exits with RAN + pytest's code."""
    os.setsid()  # a group of its own, to be ended with whatever the tests started
    log = os.open(tree / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(tree)
    folders = [str(tree), str(tree / "autograder")]
    sys.path[0:0] = folders
    # Without bytecode: a slip that leaves a file's size and second unchanged would meet the old one.
    sys.dont_write_bytecode = True
    os.environ.update(PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=os.pathsep.join(folders))
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # their imports took longer than most of the tests
    ours = {path.stem for folder in (*folders, tree / "scripts") for path in Path(folder).glob("*")}
    if loaded := sorted(ours & set(sys.modules)):
        sys.exit(f"already imported, so a slip there would go unseen: {', '.join(loaded)}")
    import pytest

    try:
        code = int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", *tests]))
    except BaseException:  # SystemExit too: a test must not choose the verdict
        traceback.print_exc()
        code = int(pytest.ExitCode.INTERNAL_ERROR)
    sys.exit(RAN + code)


def passes(tree: Path, tests: Iterable[str], limit: float) -> bool | None:
    """Whether the tests pass in the tree, None after ``limit`` seconds. Unfit when they cannot be run: that proves
    nothing either way.

    Tests in Triton's interpreter set it up for their whole process, so the others do not share theirs.
    """
    interpreted = {test for test in tests if INTERPRETED in test}
    for together in (set(tests) - interpreted, interpreted):
        if together and (verdict := _passes(tree, sorted(together), limit)) is not True:
            return verdict
    return True


def _passes(tree: Path, tests: list[str], limit: float) -> bool | None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=run, args=(tree, tests))
    process.start()
    try:
        process.join(limit)
        code = process.exitcode
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()
    if code not in (None, RAN, RAN + 1):
        log = tree / "log.txt"
        said = log.read_text(encoding="utf-8", errors="replace")[-3000:] if log.exists() else ""
        raise Unfit(f"pytest could not run {', '.join(tests)} (exit code {code}):\n{said}")
    return None if code is None else code == RAN


def survivors(mutants: list[Mutant], root: Path = ROOT) -> list[Mutant]:
    """The mutants whose tests pass all the same, each reported as it is tried."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        copy(root, tree)
        texts = [mutant.applied(tree) for mutant in mutants]  # all of them, before any time is spent
        began = time.monotonic()
        if not passes(tree, {test for mutant in mutants for test in mutant.tests}, LIMIT):
            raise Unfit(f"the tests fail or take over {LIMIT} s without any slip: mend them first")
        took = time.monotonic() - began
        # A mutant's tests are some of those that just passed: at several times their time it hangs, which is noticed.
        limit = 60 + 3 * took
        print(f"without any slip the tests pass in {took:.0f} s; a mutant is given {limit:.0f} s", flush=True)
        alive = []
        for mutant, wrong in zip(mutants, texts, strict=True):
            path = tree / mutant.file
            right = path.read_text(encoding="utf-8")
            path.write_text(wrong, encoding="utf-8")
            survived = passes(tree, mutant.tests, limit)
            path.write_text(right, encoding="utf-8")
            late = " (out of time)" * (survived is None)
            print(f"{'SURVIVED' if survived else 'killed':<10}{mutant.name}{late}", flush=True)
            alive += [mutant] if survived else []
    return alive


def main(argv: list[str] | None = None) -> int:
    os.environ["OMP_NUM_THREADS"] = "1"  # before the server of processes imports torch
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # ends the running tests, drops the copy
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lists", nargs="*", type=Path, metavar="LIST", help="TOML files of mutants")
    paths = parser.parse_args(argv).lists or sorted((ROOT / "tests" / "mutants").glob("*.toml"))
    try:
        mutants = [mutant for path in paths for mutant in read(path)]
        alive = survivors(mutants)
    except (Unfit, OSError, tomllib.TOMLDecodeError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(mutants) - len(alive)} of {len(mutants)} mutants killed")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
