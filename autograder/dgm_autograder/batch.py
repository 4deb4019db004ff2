"""Several submissions at a time: run and judged wherever there is room, prepared and recorded here, one by one.

Only this process writes to the gradebook and to `autograded/`, so marks do not depend on who is finished first.
"""

import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import nbformat
from dgm_tutor.files import write_bytes
from nbgrader.converters import Autograde, NbGraderException
from nbgrader.converters.base import BaseConverter
from nbgrader.utils import rmtree
from sqlalchemy.exc import OperationalError
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm
from traitlets import Integer, Unicode

from dgm_autograder import forkserver, intake, pool
from dgm_autograder.cases import draws, prepare
from dgm_autograder.ledger import hold
from dgm_autograder.sealed import SealedExecute
from dgm_autograder.verdicts import seed_of
from dgm_autograder.work import TROUBLE, task, work

sys.modules.setdefault("rfc3987_syntax", None)  # jsonschema would build its grammar for a second, and never use it


@dataclass
class Underway:
    """A submission that is being run."""

    student: str
    fingerprint: str
    notebooks: list[str]  # the staged files
    tasks: list[dict]
    futures: list[Future] = field(default_factory=list)

    def submit(self, where: Executor) -> "Underway":
        """Have its notebooks run and judged."""
        self.futures = [where.submit(work, task) for task in self.tasks]
        return self


class Batch(Autograde):
    """nbgrader's step with the middle of it, executing and judging, done elsewhere."""

    jobs = Integer(0, help="Submissions run at a time; 0: one more than cores, where memory allows.").tag(config=True)
    scheduler = Unicode(help="Address of a Dask scheduler, whose workers then run submissions.").tag(config=True)

    def convert_notebooks(self) -> None:
        """Grade everyone who is not finished."""
        self.failed: list[str] = []
        self.step = SealedExecute(config=self.config)
        fingerprints = {}
        with ExitStack() as stack:
            # Before older results make place: an address that nobody answers at costs no one anything.
            cluster = stack.enter_context(self._cluster()) if self.scheduler else None
            for folder in sorted(self.assignments):
                self.notebooks = sorted(self.assignments[folder])
                if self.init_destination(self.coursedir.assignment_id, self._student(folder)):
                    fingerprints[folder] = self.fingerprint
            if fingerprints:
                self.gradebook = stack.enter_context(hold(self.coursedir.db_url, self.coursedir.course_id))
                self.seeds = draws(len(fingerprints))
                self.turns = cycle(self.seeds)
                where = cluster or stack.enter_context(self._here(len(fingerprints)))
                self._convert(fingerprints, where, stack.enter_context(self._progress(len(fingerprints))))
        if self.failed:
            self.log.error("Not graded, as the log above says why: %s", ", ".join(self.failed))
            raise NbGraderException(f"{len(self.failed)} submissions could not be graded; the log says why")

    def _convert(self, fingerprints: dict[str, str], where: Executor, finished: Callable[[str], None]) -> None:
        todo, underway = iter(fingerprints), []
        try:
            while True:
                for folder in todo:
                    if ready := self._guarded(self._student(folder), self._prepare, folder, fingerprints[folder]):
                        underway.append(ready.submit(where))
                    if len(underway) >= where.window:
                        break
                if not underway:
                    return
                wait([future for one in underway for future in one.futures], return_when=FIRST_COMPLETED)
                done = [one for one in underway if all(future.done() for future in one.futures)]
                if any(isinstance(future.exception(), BrokenExecutor) for one in done for future in one.futures):
                    done = [self._alone(one, where) for one in underway]  # one of them ended a worker
                for one in done:
                    self._guarded(one.student, self._finish, one)
                    underway.remove(one)
                    finished(one.student)
        finally:
            for one in underway:
                self._drop(one.student)

    def _alone(self, one: Underway, where: Executor) -> Underway:
        """Run a submission with no other beside it, if it has no result."""
        if any(future.exception() for future in one.futures):
            wait(one.submit(where).futures)
        return one

    def _guarded(self, student: str, step: Callable, *arguments):
        """A step for one submission. Its failure stops no other's; None then. A broken gradebook stops everything."""
        try:
            result = step(*arguments)
            self.gradebook.keep()
            return result
        except OperationalError as error:
            self._drop(student)
            self.log.error(traceback.format_exc())
            raise NbGraderException(
                "the gradebook could not be read or written; after an upgrade of nbgrader, back it up and run "
                "`nbgrader db upgrade`"
            ) from error
        except Exception:
            self.log.error("%s: the submission could not be graded\n%s", student, traceback.format_exc())
            self.gradebook.undo()
            self._drop(student)
            self.failed.append(student)
            return None

    def _drop(self, student: str) -> None:
        """Leave no half of a result."""
        dest = Path(self._format_dest(self.coursedir.assignment_id, student))
        if self.coursedir.notebook_id == "*" and dest.exists():
            rmtree(dest)

    def _prepare(self, folder: str, fingerprint: str) -> Underway:
        """Copy and restore a submission, and make its student known to the gradebook."""
        student = self._student(folder)
        self.notebooks = sorted(self.assignments[folder])
        self.run_pre_convert_hook()
        self.init_assignment(self.coursedir.assignment_id, student)
        return Underway(student, fingerprint, self.notebooks, [self._task(notebook) for notebook in self.notebooks])

    def _task(self, notebook: str) -> dict:
        """The work that a staged notebook is, whatever it is."""
        try:
            return self._restored(notebook)
        except TROUBLE:
            raise
        except Exception as error:
            self.log.error("%s\n%s", notebook, traceback.format_exc())
            return self._refused(notebook, type(error).__name__)

    def _refused(self, notebook: str, error: str) -> dict:
        """A notebook that breaks the grader itself is refused like one that cannot be read, and says so."""
        write_bytes(Path(notebook), intake.refusal(f"grading it broke off: {error}"))
        return self._restored(notebook)

    def _restored(self, notebook: str) -> dict:
        """The work that a staged notebook is, once it is restored."""
        self.log.info("Sanitizing %s", notebook)
        self._sanitizing = True
        self._init_preprocessors()
        BaseConverter.convert_single_notebook(self, notebook)
        restored = Path(self.writer.build_directory, os.path.basename(notebook))
        about = self.init_single_notebook_resources(notebook)["nbgrader"]
        before = seed_of(about) if self.step.again else None
        about["seed"] = next(self.turns) if before is None else before
        return task(nbformat.read(restored, as_version=4), about, restored.parent, self.config)

    def _finish(self, one: Underway) -> None:
        """Record a submission's marks and write its result."""
        self.notebooks, self.fingerprint = one.notebooks, one.fingerprint
        for notebook, result in zip(one.notebooks, [future.result() for future in one.futures], strict=True):
            broke = result.get("broke")
            if not broke:
                try:
                    self._record(notebook, result)
                    self.gradebook.keep()
                except TROUBLE:
                    raise
                except Exception as error:
                    self.log.error("%s\n%s", notebook, traceback.format_exc())
                    self.gradebook.undo()
                    broke = type(error).__name__
            if broke:
                self._record(notebook, work(self._refused(notebook, broke)))
        self.set_permissions(self.coursedir.assignment_id, one.student)
        self.run_post_convert_hook()

    def _record(self, notebook: str, result: dict) -> None:
        """Take a staged notebook's result through nbgrader's steps after the execution."""
        about = self.init_single_notebook_resources(notebook)["nbgrader"]
        restored = Path(self._format_dest(about["assignment"], about["student"]), os.path.basename(notebook))
        self.result, self._sanitizing = result, False
        self._init_preprocessors()
        try:
            BaseConverter.convert_single_notebook(self, str(restored))
        finally:
            self._sanitizing = True

    def _init_preprocessors(self) -> None:
        """nbgrader's, with what was executed elsewhere in the place of an execution."""
        super()._init_preprocessors()
        if not self._sanitizing:
            steps = self.exporter._preprocessors
            steps[:] = [self._executed if isinstance(step, SealedExecute) else step for step in steps]

    def _executed(self, notebook, resources):
        resources["dgm_marks"], resources["dgm_notes"] = self.result["marks"], self.result["notes"]
        return nbformat.reads(self.result["notebook"], as_version=4), resources

    def _student(self, folder: str) -> str:
        known = self._format_source("(?P<assignment_id>.*)", "(?P<student_id>.*)", escape=True)
        return re.match(known, folder)["student_id"]

    def _cluster(self) -> Executor:
        """The workers of the scheduler that is set."""
        try:
            return pool.Cluster(self.scheduler)
        except (ImportError, OSError, ValueError) as error:
            self.log.error("Nobody was graded: %s", error)
            raise NbGraderException(str(error)) from error

    def _here(self, submissions: int) -> Executor:
        """Where this run's notebooks are executed on this machine."""
        assignment = self.step.assigned(self.coursedir.assignment_id)
        provides = tuple(assignment.provides)
        door = None if self.step.trust_students else forkserver.warm(provides)
        jobs = min(self.jobs or pool.default_jobs(), submissions)
        if not self.step.again:  # now, while the warm process imports
            fixed = self.step.seed if self.step.seed is not None else assignment.seed
            prepare(assignment, self.seeds if fixed is None else [fixed])
        return pool.Here() if jobs == 1 else pool.Workers(jobs, provides, door)

    @contextmanager
    def _progress(self, total: int) -> Iterator[Callable[[str], None]]:
        """A bar on a terminal; a line for each submission in any case."""
        redirected = logging_redirect_tqdm([self.log]) if sys.stderr.isatty() else nullcontext()
        with redirected, tqdm(total=total, desc=self.coursedir.assignment_id, unit="submission", disable=None) as bar:

            def finished(student: str) -> None:
                bar.n += 1
                bar.refresh()
                self.log.info("Finished %d of %d: %s", bar.n, total, student)

            yield finished
