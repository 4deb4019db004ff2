"""Several submissions at a time: the same marks, each graded once, whoever dies on the way."""

import contextlib
import gc
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import time
from concurrent.futures import BrokenExecutor
from types import SimpleNamespace

import psutil
import pytest
from dgm_autograder import pool

from ..attacks.course import NAME, POINTS, RIGHT, SmallCourse
from .test_sandbox import wait


def die(number: int) -> None:
    os.kill(os.getpid(), number)


def test_workers_that_die_are_replaced():
    workers = pool.Workers(2, (), None)
    with workers:
        assert workers.submit(pow, 2, 5).result() == 32
        assert isinstance(workers.submit(die, signal.SIGKILL).exception(), BrokenExecutor)
        assert workers.submit(pow, 2, 5).result() == 32
        with pytest.raises(ZeroDivisionError):
            workers.submit(divmod, 1, 0).result()


MARKED = """
from dgm_autograder import pool
from jupyter_core.utils import ensure_event_loop

def marked():
    return hasattr(ensure_event_loop(), "mark")

ensure_event_loop().mark = True
assert marked()
with pool.Workers(2, (), None) as workers:
    print(workers.pool._mp_context.get_start_method(), {workers.submit(marked).result() for _ in range(10)})
"""


def test_workers_share_no_event_loop():
    """A loop's list of files to watch outlives a fork: each worker would wake for all the others' messages."""
    done = subprocess.run([sys.executable, "-c", MARKED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["fork", "{False}"]


def test_what_workers_share_is_left_alone_by_collections_while_there_are_workers():
    with pool.Workers(2, (), None) as workers:
        assert gc.get_freeze_count() > 1000
        assert workers.submit(pow, 2, 5).result() == 32
    assert gc.get_freeze_count() == 0


def test_here_is_done_at_once():
    with pool.Here() as here:
        assert here.submit(pow, 2, 5).result() == 32
        with pytest.raises(ZeroDivisionError):
            here.submit(divmod, 1, 0).result()


def test_jobs_are_bounded_by_cores_and_memory(monkeypatch):
    monkeypatch.setattr(pool.os, "sched_getaffinity", lambda _: range(64))
    for free, jobs in ((200 << 30, 65), (3 << 30, 3), (1 << 20, 1)):
        monkeypatch.setattr(pool.psutil, "virtual_memory", lambda free=free: SimpleNamespace(available=free))
        assert pool.default_jobs() == jobs


def test_workers_do_not_outlive_the_grader():
    script = "import os, time; from dgm_autograder import pool; workers = pool.Workers(2, (), None)\n"
    script += "print(*{workers.submit(os.getpid).result() for _ in range(20)}, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as grader:
        workers = [psutil.Process(int(pid)) for pid in grader.stdout.readline().split()]
        assert workers
        grader.kill()
    assert wait(lambda: not any(worker.is_running() for worker in workers))


@pytest.fixture
def course(tmp_path):
    """Four students: two are right, one is half right, one comes to a sum of 13."""
    course = SmallCourse(tmp_path)
    with open(course.folder / "nbgrader_config.py", "a") as settings:
        settings.write("c.SealedExecute.seed = 7\n")
    course.submit("ann", course.solved())
    course.submit("bob", course.solved(answers={"scale": RIGHT["scale"]}))
    course.submit("cid", course.solved(answers=RIGHT | {"total": "def total(x, y):\n    return 13.0"}))
    course.submit("dan", course.solved(["import time\ntime.sleep(2)"]))
    return course


def marks(course: SmallCourse) -> dict[str, dict[str, float]]:
    return {student: {name: g[0] for name, g in grades.items()} for student, grades in course.grades().items()}


def shown(course: SmallCourse, student: str) -> list[tuple]:
    """What stands in the autograded notebook."""
    notebook = json.loads((course.folder / "autograded" / student / NAME / f"{NAME}.ipynb").read_text())
    return [(cell["source"], cell.get("outputs"), cell["metadata"].get("nbgrader")) for cell in notebook["cells"]]


HALF = {"total": 0.0, "scale": 3.0}
MARKS = {"ann": POINTS, "bob": HALF, "cid": HALF, "dan": POINTS}


@pytest.mark.slow
def test_marks_do_not_depend_on_how_many_are_run_at_a_time(course):
    """And on a terminal there is a bar."""
    results = {}
    for jobs in (1, 3):
        said = course.nbgrader("autograde", NAME, "--force", f"--ClassAutograde.jobs={jobs}")
        assert [f"Finished {n} of 4: " in said for n in (1, 2, 3, 4)] == [True] * 4
        assert "Graded 4 submissions, of them 0 flagged" in said and "submission/s" not in said
        assert marks(course) == MARKS
        results[jobs] = {student: shown(course, student) for student in MARKS}
    assert results[1] == results[3]
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))  # a bar needs room
    command = [sys.executable, "-W", "ignore", "-m", "nbgrader", "autograde", NAME, "--force"]
    grader = subprocess.Popen(command, cwd=course.folder, env=course.environment(), stderr=theirs)
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # the terminal is gone when the command is
        while piece := os.read(ours, 1 << 16):
            said += piece
    assert grader.wait() == 0 and b"| 4/4 [" in said and b"Finished 4 of 4: " in said


@pytest.mark.slow
def test_a_submission_that_ends_its_worker_is_left_out_and_no_other_is(course):
    """Here the check itself does it; in life, the memory of the machine is at an end."""
    checks = course.folder / "exercises" / NAME / "checks.py"
    deadly = "def measure(data, inputs):\n    import os\n    return os.kill(os.getpid(), 9) if data['value'] == 13.0 "
    deadly += "else data\n\n\n"
    text = checks.read_text().replace("def draw(", deadly + "def draw(", 1)
    checks.write_text(text.replace('Test(ask_total, draw, "Add.")', 'Test(ask_total, draw, "Add.", measure=measure)'))
    with pytest.raises(AssertionError, match="(?s)Not graded.*: cid"):
        course.nbgrader("autograde", NAME, "--ClassAutograde.jobs=2")
    found = marks(course)
    assert {student: found[student] for student in ("ann", "bob", "dan")} == {
        s: MARKS[s] for s in ("ann", "bob", "dan")
    }
    assert not (course.folder / "autograded" / "cid" / NAME).exists()


@pytest.mark.slow
def test_a_dask_worker_killed_on_the_way_costs_nobody_anything(course):
    from distributed import Client, LocalCluster

    with LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        killed = []

        def kill() -> None:
            """End the worker that runs something first."""
            end = time.monotonic() + 300
            while not killed and time.monotonic() < end:
                for address, tasks in client.processing().items():
                    if tasks and not killed:
                        killed.append(client.run(os.getpid, workers=[address])[address])
                        os.kill(killed[0], signal.SIGKILL)
                time.sleep(0.2)

        thread = threading.Thread(target=kill)
        thread.start()
        said = course.nbgrader("autograde", NAME, f"--ClassAutograde.scheduler={cluster.scheduler_address}")
        thread.join()
    assert killed and marks(course) == MARKS
    assert sorted(line.split(": ")[-1] for line in said.split("\n") if "Finished " in line) == list(MARKS)


@pytest.mark.slow
def test_no_scheduler_is_an_error_that_says_so_and_drops_nothing(course):
    older = [course.folder / "autograded" / path.name / NAME for path in (course.folder / "submitted").iterdir()]
    for folder in older:
        folder.mkdir(parents=True)
    why = "(?s)Nobody was graded: scheduler 'nowhere': expected 'local' or an address such as tcp.*4 left out"
    with pytest.raises(AssertionError, match=why):
        course.nbgrader("autograde", NAME, "--force", "--ClassAutograde.scheduler=nowhere")
    assert course.grades() == {}
    assert older and all(folder.is_dir() for folder in older)
