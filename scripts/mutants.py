"""Do the tests catch known slips? ``python scripts/mutants.py [LIST ...]`` (default: every tests/mutants/*.toml).

A mutant is a slip that somebody made: a file, the right text, the wrong text, and the tests that must fail for it. Each
one is put into a copy of the tree, where its tests are run; the working tree is never touched. First the same tests
must pass there without any slip. Exit code 1 if a mutant survives, 2 if a list does not fit the code.

    [[mutant]]
    name = "planar: |w| for |w|^2"
    source = "who made it, or why one would"   # optional
    file = "dgm_tutor/components/flows/residual.py"
    old = "w.square().sum()"          # must occur exactly once
    new = "w.norm()"
    tests = ["tests/components/flows/test_transforms.py::test_a"]
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("dgm_tutor", "tests", "scripts", "pyproject.toml")
LIMIT = 600  # seconds for one mutant's tests


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


def passes(tree: Path, tests: list[str]) -> bool:
    """Whether the tests pass in the tree. Unfit when they cannot be run: that proves nothing either way."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    # Without bytecode: a slip that leaves a file's size and second unchanged would meet the old one.
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, timeout=LIMIT)
    if done.returncode not in (0, 1):
        raise Unfit(f"pytest could not run {', '.join(tests)}:\n{done.stdout[-2000:]}{done.stderr[-1000:]}")
    return done.returncode == 0


def survivors(mutants: list[Mutant], root: Path = ROOT) -> list[Mutant]:
    """The mutants whose tests pass all the same, each reported as it is tried."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        copy(root, tree)
        texts = [mutant.applied(tree) for mutant in mutants]  # all of them, before any time is spent
        if not passes(tree, sorted({test for mutant in mutants for test in mutant.tests})):
            raise Unfit("the tests fail without any slip: mend them first")
        alive = []
        for mutant, wrong in zip(mutants, texts, strict=True):
            path = tree / mutant.file
            right = path.read_text(encoding="utf-8")
            path.write_text(wrong, encoding="utf-8")
            survived = passes(tree, list(mutant.tests))
            path.write_text(right, encoding="utf-8")
            print(f"{'SURVIVED' if survived else 'killed':<10}{mutant.name}", flush=True)
            alive += [mutant] * survived
    return alive


def main(argv: list[str] | None = None) -> int:
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
