"""``dgm-tutor bench``: run the repository's benchmarks and show what they print."""

import argparse
import subprocess
import sys
from pathlib import Path

from dgm_tutor.cli.command import Command
from dgm_tutor.cli.lab import pages_folder


def benchmarks() -> dict[str, Path]:
    """The benchmarks of this clone by name."""
    folder = pages_folder().parent / "benchmarks"
    return {path.stem: path for path in sorted(folder.glob("*.py")) if not path.stem.startswith("_")}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="which to run (default: all of benchmarks/)")


def _run(args: argparse.Namespace) -> int:
    found = benchmarks()
    if unknown := [name for name in args.names if name not in found]:
        raise ValueError(f"no benchmark {', '.join(unknown)}: there are {', '.join(found)}")
    codes = []
    for name in args.names or found:
        print(f"== {name}", flush=True)
        codes.append(subprocess.run([sys.executable, str(found[name])]).returncode)
    return max(codes, default=0)


BENCH = Command("bench", "Measure speed on this machine: slider latency, training ratios.", _arguments, _run)
