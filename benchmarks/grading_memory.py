"""Memory of the grader over many submissions: every process of one run, looked at every other second.

    python benchmarks/grading_memory.py --students 500

Submissions are the sheet as it was handed out, so that kernels, messages, files and the gradebook are most of the work.
Kernels come and go; what is compared is the grader, its workers and the warm process, in the second and in the last
quarter of the submissions. Proportional sizes (PSS): memory that processes share is counted once.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from grading import NAME, OURS, ROOT, make

PERIOD = 2.0


def held(grader: psutil.Process) -> dict[str, float]:
    """Megabytes of the grader, its workers, and the warm process."""
    found = {"grader": _size(grader), "workers": 0.0, "warm": 0.0}
    for child in grader.children():
        if "bwrap" in child.name():
            found["warm"] += sum(_size(below) for below in child.children(recursive=True)[1:2])
        else:
            found["workers"] += _size(child)
    return found


def _size(process: psutil.Process) -> float:
    try:
        return process.memory_full_info().pss / 1e6
    except psutil.Error:
        return 0.0


def main() -> None:
    """Print megabytes in the second and the last quarter; exit code 1 where the last is a tenth more."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--students", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=0, help="as in the setting of that name")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as top:
        course = Path(top, "course")
        make(course, OURS + f"get_config().ClassAutograde.jobs = {arguments.jobs}\n", arguments.students, solved=False)
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        more = {"PATH": path, "HOME": top, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "autograder")}
        command = [sys.executable, "-W", "ignore", "-m", "nbgrader", "autograde", NAME]
        with open(Path(top, "log"), "w+") as log:
            grader = subprocess.Popen(command, cwd=course, env=os.environ | more, stderr=log, stdout=log)
            seen: list[tuple[int, dict[str, float]]] = []
            while grader.poll() is None:
                finished = Path(log.name).read_text().count("Finished ")
                seen.append((finished, held(psutil.Process(grader.pid))))
                time.sleep(PERIOD)
            log.seek(0)
            if grader.returncode or log.read().count("Finished ") != arguments.students:
                raise SystemExit(f"not everyone was graded: {Path(log.name).read_text()[-2000:]}")
    quarters = {}
    for name, first, last in (("second", 0.25, 0.5), ("last", 0.75, 1.0)):
        rows = [row for n, row in seen if first <= n / arguments.students < last]
        quarters[name] = {key: round(statistics.median(row[key] for row in rows)) for key in rows[0]}
    result = {"students": arguments.students, "jobs": arguments.jobs, "MB": quarters, "load": os.getloadavg()[0]}
    print(json.dumps(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    if sum(quarters["last"].values()) > 1.1 * sum(quarters["second"].values()):
        raise SystemExit("memory grew")


if __name__ == "__main__":
    main()
