"""Several submissions at a time: the same marks, each graded once, whoever dies on the way."""

import os
import signal
import subprocess
import sys
from concurrent.futures import BrokenExecutor
from types import SimpleNamespace

import psutil
import pytest
from dgm_autograder import pool

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


def test_here_is_done_at_once():
    with pool.Here() as here:
        assert here.submit(pow, 2, 5).result() == 32
        with pytest.raises(ZeroDivisionError):
            here.submit(divmod, 1, 0).result()


def test_jobs_are_bounded_by_cores_and_memory(monkeypatch):
    monkeypatch.setattr(pool.os, "sched_getaffinity", lambda _: range(64))
    for free, jobs in ((200 << 30, 64), (3 << 30, 3), (1 << 20, 1)):
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
