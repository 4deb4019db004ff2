"""How many attacks of tests/attacks have their effect: on stock nbgrader, in a cage, and on this project's steps.

    python benchmarks/attacks.py [--kinds forge crash] [--limit 5] [--json FILE]

An hour. With `--json`, what stock nbgrader did is kept beside FILE until the end: a run that broke off goes on there.

Stock nbgrader runs in bubblewrap: no network, files in memory, limits on memory, processes and time, and every process
ends with the cage. Each attack comes before an honest neighbour's work and is judged by the gradebook and by what goes
back to students. Ours are graded and judged by the same functions as in the tests. Printed and kept are counts by class
and effect, no recipes. The cage and the judge are kind to stock: what the cage forbids has no effect, and recipes are
aimed at this project, not at it.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dgm_autograder import confine  # noqa: E402
from dgm_autograder.limits import GIB, MIB, Limits  # noqa: E402

from dgm_tutor.files import write_bytes  # noqa: E402
from tests.attacks.catalogue import ALL, Attack  # noqa: E402
from tests.attacks.course import NAME, POINTS, SECRET, SmallCourse  # noqa: E402
from tests.attacks.dear import DEAR  # noqa: E402
from tests.attacks.honest import ODD_WORK  # noqa: E402
from tests.attacks.test_attacks import ACTS, SHOWN, Graded, hand_in  # noqa: E402

NOT_TRIED = {
    "network": "the cage has none",
    "kernel_memory": "the cage shows no devices",
    "site_packages": "the cage shows libraries read-only",
    "other_kernels": "looks for this project's rooms",
    "disk_of_sockets": "fills this project's rooms",
    "folders_among_sockets": "fills this project's rooms",
    "time_turned_back": "changes lateness, and the small course has no due date",
} | dict.fromkeys(
    (attack.name for attack in [*DEAR, *ODD_WORK]), "not counted on stock, which some would keep for hours"
)
KEPT = 6_000_000  # characters of one file that goes back; the tests hold ours to it
LIMITS = Limits(memory=2 * GIB, disk=600 * MIB, file=300 * MIB, processes=80, cpu=600)
TESTS = {
    "total": "import torch\nx, y = torch.rand(5), torch.rand(5)\nassert torch.allclose(total(x, y), x.sum() + y.sum())",
    "scale": "import torch\nx = torch.rand(5)\nassert torch.allclose(scale(x), 2 * x)",
}
# Times so long that a busy machine is not taken for an effect.
SETTINGS = """
c = get_config()
c.CourseDirectory.course_id = "x"
c.Execute.timeout = c.Execute.iopub_timeout = c.Execute.startup_timeout = 120
"""
STEPS = """
cp -r {given} /tmp/course && mkdir -p /tmp/home/.ssh && cd /tmp/course
echo {secret} > /tmp/home/.ssh/id_rsa
export HOME=/tmp/home LMS_TOKEN={secret} OMP_NUM_THREADS=1 PATH={bin}:/usr/bin:/bin
nbgrader autograde {name}
nbgrader generate_feedback {name}
python -c '{judge}'
"""
JUDGE = """
import glob, json
from nbgrader.api import Gradebook
found = {}
with Gradebook("sqlite:///gradebook.db") as gradebook:
    for submission in gradebook.assignment_submissions("%s"):
        grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
        scores = {g.name: g.auto_score if g.manual_score is None else g.manual_score for g in grades}
        found[submission.student.id] = {g.name: [scores[g.name], g.needs_manual_grade] for g in grades}
pages = {path: open(path, errors="replace").read(10_000_000) for path in glob.glob("feedback/*/*/*.html")}
notebooks = {path: open(path, errors="replace").read(10_000_000) for path in glob.glob("autograded/*/*/*.ipynb")}
print("RESULT", json.dumps({"grades": found, "pages": pages, "notebooks": notebooks}))
"""


def stock_course(top: Path) -> SmallCourse:
    """The small course with ordinary tests in the place of its checks, and nbgrader as it comes."""
    course = SmallCourse(top)
    source = course.folder / "source" / NAME / f"{NAME}.ipynb"
    notebook = json.loads(source.read_text())
    for cell in notebook["cells"]:
        cell["source"] = TESTS.get(cell["id"], cell["source"])
    source.write_text(json.dumps(notebook))
    (course.folder / "nbgrader_config.py").write_text(SETTINGS)
    (course.folder / "gradebook.db").unlink()
    course.nbgrader("generate_assignment", NAME, "--force")
    course.release = json.loads((course.folder / "release" / NAME / f"{NAME}.ipynb").read_text())
    return course


def caged(folder: Path, wall: float) -> dict:
    """What became of a class that stock nbgrader graded in a cage; nothing after `wall` seconds."""
    shell = STEPS.format(given=folder, secret=SECRET, name=NAME, bin=Path(sys.executable).parent, judge=JUDGE % NAME)
    with tempfile.TemporaryDirectory() as room:
        os.chmod(room, 0o555)
        line = confine.command(
            Path(room), ["/bin/sh", "-c", shell], limits=LIMITS, uid=confine.stranger(), shown=[str(folder)]
        )
        try:
            done = subprocess.run(line, env={}, cwd="/", capture_output=True, text=True, errors="replace", timeout=wall)
        except subprocess.TimeoutExpired:
            return {}
    results = [text for text in done.stdout.split("\n") if text.startswith("RESULT ")]
    return json.loads(results[-1].removeprefix("RESULT ")) if results else {}


def effect(attack: Attack, result: dict) -> str:
    """What the attack did to stock nbgrader, or nothing."""
    if not result:
        return "the class was not graded"
    grades = result["grades"]
    pages, notebooks = (
        [text for path, text in result[kind].items() if f"/{attack.name}/" in path] for kind in ("pages", "notebooks")
    )
    if {name: grade[0] for name, grade in grades.get("zoe", {}).items() if name in POINTS} != POINTS:
        return "the neighbour lost marks"
    own = {name: grade for name, grade in grades.get(attack.name, {}).items() if name in POINTS}
    marks = {name: grade[0] for name, grade in own.items()}
    if len(marks) < len(POINTS) or None in marks.values():
        return "no mark is recorded"
    right = attack.answers is None
    if attack.outcome == "kept" and marks != POINTS:
        return "right work lost marks"
    if attack.outcome in ("nothing", "refused") and not right and any(marks.values()):
        return "marks that were not earned"
    if attack.outcome == "refused" and right and marks != POINTS and not all(grade[1] for grade in own.values()):
        return "right work lost marks, and the gradebook does not say why"
    if attack.kind == "leak" and any(secret in text for secret in SHOWN for text in pages + notebooks):
        return "a secret goes back"
    if attack.kind == "flood" and max(map(len, pages + notebooks), default=0) >= KEPT:
        return "the flood is kept"
    if any(re.search(pattern, page, re.IGNORECASE) for pattern in ACTS for page in pages):
        return "the feedback acts"
    return ""


def against_stock(attacks: list[Attack], kept: Path | None, jobs: int) -> dict[str, str]:
    """By attack: its effect. `kept` is written after each, and what is there already is not tried again."""
    found = json.loads(kept.read_text()) if kept and kept.exists() else {}
    with tempfile.TemporaryDirectory(prefix="attacks-") as top:
        os.chmod(top, 0o755)
        (Path(top) / "base").mkdir()
        base = stock_course(Path(top) / "base")
        base.submit("zoe", base.solved())
        start = time.monotonic()
        honest = effect(Attack("zoe", "honest", "kept"), caged(base.folder, 1800))
        if honest:
            raise RuntimeError(f"stock nbgrader in the cage does not grade honest work: {honest}")
        wall = 300 + 5 * (time.monotonic() - start)  # two cells that hang, and a busy machine

        def attacked(attack: Attack) -> tuple[Attack, str]:
            course = SmallCourse.__new__(SmallCourse)
            course.folder, course.release = Path(top) / attack.name, base.release
            shutil.copytree(base.folder, course.folder)
            hand_in(course, attack)
            return attack, effect(attack, caged(course.folder, wall))

        with ThreadPoolExecutor(jobs) as pool:
            tried = pool.map(attacked, [attack for attack in attacks if attack.name not in found])
            for attack, what in tried:
                found[attack.name] = what
                if kept:
                    write_bytes(kept, json.dumps(found).encode())
                print(f"stock, {attack.kind}: {what or 'no effect'}", flush=True)
    return found


def against_ours(attacks: list[Attack]) -> dict[str, str]:
    """By attack: its effect. One command grades them all."""
    with tempfile.TemporaryDirectory(prefix="attacks-") as top:
        graded = Graded(Path(top), attacks)
        folder = graded.course.folder
        pages = {str(path): path.read_text(errors="replace") for path in folder.glob("feedback/*/*/*.html")}
        notebooks = {str(path): path.read_text(errors="replace") for path in folder.glob("autograded/*/*/*.ipynb")}
    grades = {who: {name: [g[0], g[2]] for name, g in found.items()} for who, found in graded.grades.items()}
    grades["zoe"] = grades["aaron"]  # the neighbour whose answers are all right
    return {a.name: effect(a, {"grades": grades, "pages": pages, "notebooks": notebooks}) for a in attacks}


def main() -> None:
    """Print counts by class and effect; `--json` also writes them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kinds", nargs="*", default=sorted({attack.kind for attack in ALL}))
    parser.add_argument("--limit", type=int, help="at most so many of each class")
    parser.add_argument("--jobs", type=int, default=2, help="attacks at a time; those that hang only wait (default: 2)")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    seen: Counter = Counter()
    chosen = []
    for attack in ALL:
        if attack.name in NOT_TRIED or attack.kind not in arguments.kinds:
            continue
        seen[attack.kind] += 1
        if arguments.limit is None or seen[attack.kind] <= arguments.limit:
            chosen.append(attack)
    kept = arguments.json and arguments.json.with_suffix(".partial.json")
    effects = {"stock": against_stock(chosen, kept, arguments.jobs), "ours": against_ours(chosen)}
    classes: dict[str, dict] = {}
    for attack in chosen:
        row = classes.setdefault(attack.kind, {"tried": 0, "stock": Counter(), "ours": Counter()})
        row["tried"] += 1
        for grader, found in effects.items():
            row[grader].update([found[attack.name]] if found[attack.name] else [])
    totals = {grader: sum(row[grader].total() for row in classes.values()) for grader in effects}
    result = {"tried": len(chosen), **totals, "classes": classes}
    print(json.dumps(result, indent=1))
    if arguments.json:
        write_bytes(arguments.json, (json.dumps(result, indent=1) + "\n").encode())
        kept.unlink()


if __name__ == "__main__":
    main()
