"""Run the checks behind `make test`, stage by stage: `python scripts/verify.py [STAGE ...]`.

Every stage runs, also after a failure; then comes a table, and exit code 0 only if all passed.
Reports: artifacts/tests/STAGE.xml.
"""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import chromium

ROOT = Path(__file__).resolve().parents[1]
REPORTS = ROOT / "artifacts" / "tests"
LIMIT = 40 * 60  # seconds for one command: a hung browser must not cost the whole run its table
QUICK = "not slow and not browser and not package"
TWO_WORKERS = ["-n", "2", "--dist", "loadfile"]  # by file, so that a file's trained model is made once


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def pytest(stage: str, *arguments: str) -> list[str]:
    return python("-m", "pytest", "-q", f"--junitxml={REPORTS / stage}.xml", *arguments)


STAGES = {
    "lint": [python("-m", "ruff", "check"), python("-m", "ruff", "format", "--check")],
    "quick": [pytest("quick", "-m", QUICK, *TWO_WORKERS)],
    "slow": [pytest("slow", "-m", "slow and not browser and not package", *TWO_WORKERS)],
    "pages": [
        python("scripts/pages.py", "check"),
        pytest("pages", "--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=300", "lecture12"),
    ],
    "browser": [pytest("browser", "-m", "browser")],
    "wheel": [pytest("wheel", "-m", "package", "tests/package/test_wheel.py")],
    "newest": [pytest("newest", "-m", "package", "tests/package/test_newest.py")],
}


@dataclass
class Result:
    stage: str
    passed: bool
    seconds: float
    tests: Counter


def environment() -> dict[str, str]:
    """With the venv's commands in front (nbgrader calls a bare `alembic`), and plots without a screen."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "MPLBACKEND": "Agg"}


def run(command: list[str], env: dict[str, str]) -> bool:
    if "-n" in command:
        env = {**env, "OMP_NUM_THREADS": "1"}  # two workers on two cores
    print("\n$ python " + " ".join(command[1:]), flush=True)
    try:
        return subprocess.run(command, cwd=ROOT, env=env, timeout=LIMIT).returncode == 0
    except subprocess.TimeoutExpired:
        print(f"stopped after {LIMIT // 60} minutes", flush=True)
        return False


def count(report: Path) -> Counter:
    """Tests by outcome in a JUnit report; empty where the stage wrote none."""
    if not report.exists():
        return Counter()
    kinds = {"failure": "failed", "error": "failed", "skipped": "skipped"}
    cases = ET.parse(report).getroot().iter("testcase")
    found = ([kinds[child.tag] for child in case if child.tag in kinds] for case in cases)
    return Counter(outcomes[0] if outcomes else "passed" for outcomes in found)


def run_stage(stage: str) -> Result:
    report = REPORTS / f"{stage}.xml"
    report.unlink(missing_ok=True)
    start, env = time.monotonic(), environment()
    outcomes = [run(command, env) for command in STAGES[stage]]
    return Result(stage, all(outcomes), time.monotonic() - start, count(report))


def table(results: list[Result]) -> str:
    """One line a stage, and a closing line with all tests added up."""
    rows = [f"\n{'stage':<10}{'result':<9}{'time':>7}   tests"]
    for r in results:
        minutes, seconds = divmod(round(r.seconds), 60)
        tests = ", ".join(f"{n} {outcome}" for outcome, n in r.tests.items())
        verdict = "ok" if r.passed else "FAILED"
        rows.append(f"{r.stage:<10}{verdict:<9}{minutes:>4}:{seconds:02}   {tests}".rstrip())
    total = sum((r.tests for r in results), Counter())
    skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
    return "\n".join([*rows, "", f"{total['passed']} passed, {total['failed']} failed{skipped}"])


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in STAGES]
    if unknown:
        print(f"no stage called {', '.join(unknown)}; there are: {', '.join(STAGES)}", file=sys.stderr)
        return 2
    names = names or list(STAGES)
    if "browser" in names and chromium.find() is None:
        print(f"The browser stage is going to fail. {chromium.MISSING}", flush=True)
    REPORTS.mkdir(parents=True, exist_ok=True)
    results = []
    try:
        for name in names:
            results.append(run_stage(name))
    except KeyboardInterrupt:
        print("\ninterrupted", flush=True)
        return 130
    finally:
        print(table(results), flush=True)
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
