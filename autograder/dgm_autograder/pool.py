"""Where notebooks are run and judged: in this process, in several here, or on a Dask cluster."""

import gc
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context, parent_process

import psutil
from jupyter_core.utils import ensure_event_loop

from dgm_autograder import forkserver
from dgm_autograder.limits import GIB

PRELOADED = ["dgm_autograder.work"]  # of worker processes


def default_jobs() -> int:
    """One more than there are cores, as each waits at times; a gigabyte of free memory for a worker and its kernel."""
    return max(1, min(len(os.sched_getaffinity(0)) + 1, psutil.virtual_memory().available // GIB))


class Here(Executor):
    """Does everything at once, in this process."""

    window = 1  # submissions to keep it busy

    def submit(self, function: Callable, /, *arguments, **named) -> Future:
        """A future that is done."""
        future: Future = Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future


class Workers(Executor):
    """Processes that do one thing at a time; they end with this one. Lost ones are replaced."""

    def __init__(self, jobs: int, provides: tuple[str, ...], door: forkserver.Door | None):
        self.jobs, self.about, self.window = jobs, (provides, door), 2 * jobs
        self.pool = self._new()

    def _new(self) -> ProcessPoolExecutor:
        # Forked where that is safe: what is imported here is there at once, and its memory is shared.
        context = get_context("fork" if psutil.Process().num_threads() == 1 else "forkserver")
        context.set_forkserver_preload(PRELOADED)
        gc.freeze()  # a collection would write to all that is shared, and so take it over for each process by itself
        ensure_event_loop().close()  # forks would share it, and each would wake for the others' messages
        return ProcessPoolExecutor(self.jobs, context, _begin, self.about)

    def submit(self, function: Callable, /, *arguments, **named) -> Future:
        """Raises nothing where processes have died: others are started. Their futures raise `BrokenExecutor`."""
        try:
            return self.pool.submit(function, *arguments, **named)
        except BrokenExecutor:
            self.pool.shutdown()
            self.pool = self._new()
            return self.pool.submit(function, *arguments, **named)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End them when what they do is done."""
        self.pool.shutdown(wait, cancel_futures=cancel_futures)
        gc.unfreeze()


class Cluster(Executor):
    """The workers of a Dask scheduler. A task whose worker dies is given to another one, three times at most."""

    def __init__(self, scheduler: str):
        from dgm_tutor.training.cluster import connect

        self.open = ExitStack()
        client = self.open.enter_context(connect(scheduler))
        self.window = 2 * sum(client.nthreads().values())
        self.inner = client.get_executor(pure=False)

    def submit(self, function: Callable, /, *arguments, **named) -> Future:
        """Its future raises what the function raises, or Dask's `KilledWorker`."""
        return self.inner.submit(function, *arguments, **named)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave; the workers stay."""
        self.open.close()


def _begin(provides: tuple[str, ...], door: forkserver.Door | None) -> None:
    """In a worker: fork kernels by the grader's warm process, and do not outlive the grader."""
    if door is not None:
        forkserver.lend(provides, door)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the grader's to handle
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    parent_process().join()
    os.kill(os.getpid(), signal.SIGKILL)
