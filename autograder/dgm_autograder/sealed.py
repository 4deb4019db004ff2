"""The grading step: student cells run in one kernel, the checks here, and only probes pass between them.

`SealedExecute` takes the place of nbgrader's `Execute`, `SaveSealedGrades` that of `SaveAutoGrades`. A check cell is
never run beside the student's code. In its place the exercise's probes ask the kernel for data on inputs drawn for
this run, and the comparison with right answers is made in this process. A mark needs such a comparison: a
dead kernel, a missing cell or a reply that is not data is a recorded 0 with a reason and a flag.

An assignment without a folder of exercises is nbgrader's `ordinary` one: its tests run in the kernel.
"""

import asyncio
import json
import os
import secrets
from pathlib import Path

import torch
from dgm_tutor.checks.bank import Entry
from dgm_tutor.checks.judge import Reply, judge, unfit
from jupyter_core.utils import run_sync
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_output
from nbgrader.preprocessors import Execute, SaveAutoGrades
from traitlets import Bool, Float, Integer, Unicode, default

from dgm_autograder import forkserver
from dgm_autograder.assignment import Assignment, load
from dgm_autograder.cases import known, questions
from dgm_autograder.clock import Clock
from dgm_autograder.exercise import Exercise
from dgm_autograder.kernel import RoomKernelManager, ask, stop
from dgm_autograder.mark import Found, Mark, zero
from dgm_autograder.messages import KEPT_ALL, KEPT_LAST, Quota
from dgm_autograder.ordinary import Ordinary, is_test, worth
from dgm_autograder.restore import FLAGS, NOTES, UNREADABLE, named, printable
from dgm_autograder.summary import FLAGGED
from dgm_autograder.veil import UNFIT, veiled
from dgm_autograder.verdicts import record

TICK = 1  # seconds between looks at a cell that runs


class Hung(DeadKernelError):
    """A cell that no interrupt reached."""


class SealedExecute(Execute):
    """Runs a restored notebook and puts a `Mark` per check cell into `resources["dgm_marks"]`.

    Called by `work`, in a process that need not be nbgrader's own.
    """

    exercises = Unicode(help="The course's folder of exercises.").tag(config=True)
    overlay = Unicode(help="An instructor's private overlay of it; by default $DGM_OVERLAY.").tag(config=True)
    probe_timeout = Float(20.0, help="Seconds for one probe.").tag(config=True)
    budget = Float(300.0, help="Seconds of a kernel's time for a whole notebook.").tag(config=True)
    trust_students = Bool(False, help="Run kernels without a sandbox. The gradebook says so.").tag(config=True)
    seed = Integer(None, allow_none=True, help="Of the inputs; by default one of the run's.").tag(config=True)
    again = Bool(False, help="Draw the inputs of the grading before, where there was one.").tag(config=True)
    shutdown_kernel = Unicode("immediate").tag(config=True)
    startup_timeout = Integer(180).tag(config=True)
    iopub_timeout = Integer(10).tag(config=True)
    raise_on_iopub_timeout = Bool(False).tag(config=True)  # output that got lost costs no marks

    @default("overlay")
    def _default_overlay(self) -> str:
        return os.environ.get("DGM_OVERLAY", "")

    def preprocess(self, nb, resources, km=None):
        """Run and mark the notebook; the kernel and its room are gone afterwards, whatever happens."""
        torch.set_num_threads(1)  # reference answers are small: on a busy machine threads wait for each other
        self.assignment = self.assigned(resources["nbgrader"]["assignment"])
        self.ordinary = isinstance(self.assignment, Ordinary)
        self.raise_on_iopub_timeout |= self.ordinary  # there the output is the mark
        self.flags = nb.metadata.pop(FLAGS, {})
        self.marks: dict[str, Mark] = {}
        self.notes: list[str] = list(nb.metadata.pop(NOTES, []))
        self.dead = nb.metadata.pop(UNREADABLE, "")
        self.draw = self._seed(resources["nbgrader"].get("seed"))
        self.waiting: list[tuple[NotebookNode, Exercise, list[Reply]]] = []  # for private tests, asked at the end
        self.resources = resources
        self.nb = nb
        self.spent, self.kept = 0.0, 0
        resources["dgm_marks"], resources["dgm_notes"] = self.marks, self.notes
        if not self.dead:
            return super().preprocess(nb, resources, km)
        for cell in nb.cells:
            self._test(cell) if self.ordinary else self._mark(cell)
        return nb, resources

    def assigned(self, name: str) -> Assignment | Ordinary:
        """The assignment of this name."""
        folder = Path(self.exercises) / name
        overlay = Path(self.overlay) if self.overlay else None
        return load(folder, overlay) if folder.is_dir() else Ordinary(folder)

    def create_kernel_manager(self):
        """A kernel in a room of its own, with the files handed in."""
        trusted = self.trust_students
        provides = tuple(self.assignment.provides)
        door = None if trusted else forkserver.warm(provides)
        self.km = RoomKernelManager(provides, trusted, door, config=self.config, log=self.log)
        self.km.bring(self.resources["dgm_files"])
        left = self.resources["dgm_left"]
        if left:
            self.notes.append(f"Files left out, as too large, too many, or no plain files: {named(left)}.")
        if trusted:
            self.notes.append("Graded without a sandbox: the instructor trusts the students.")
        return self.km

    def _seed(self, given: int | None) -> int:
        """Of this submission's inputs; `given` is one of its run's, or that of the grading before."""
        for seed in (self.seed, self.assignment.seed, given):
            if seed is not None:
                return seed
        return secrets.randbits(31)

    def preprocess_cell(self, cell, resources, index):
        """Run a student's cell, or ask the probes that stand behind a check; after the last, the private ones."""
        if cell.cell_type == "code" and (self.ordinary or not self._mark(cell)):
            self._run(cell, resources, index)
        if self.ordinary:
            self._test(cell)
        if index == len(self.nb.cells) - 1:
            for check, exercise, replies in self.waiting:
                self._put(check, self._ask(exercise, float(check.metadata["nbgrader"]["points"]), replies))
        return cell, resources

    def _run(self, cell: NotebookNode, resources: dict, index: int) -> None:
        if self.spent >= self.budget:
            self.dead = self.dead or f"the notebook took longer than {self.budget:g} seconds"
        if not self.dead:
            self.quota, self.clock = Quota(max(KEPT_ALL - self.kept, KEPT_LAST)), Clock(self.km.provisioner.kernel)
            try:
                super().preprocess_cell(cell, resources, index)
            except DeadKernelError as error:
                why = self.km.provisioner.reason or self.quota.reason
                why = why or (str(error) if isinstance(error, Hung) else "the kernel died")
                self.dead = f"{why}, in the cell that begins {cell.source.strip()[:60]!r}"
            except Exception as error:  # a kernel may send anything at all
                self.log.error("Cell %d: %s", index, type(error).__name__)
                self.dead, cell.outputs = "the kernel sent what is not a message", []
            self.spent += self.clock()
            self.kept += self.quota.kept
            cell.outputs = _plain([*cell.outputs, *self.quota.note()])

    def process_message(self, msg, cell, cell_index):
        """Keep what a cell says while it is little; a cell without measure loses its kernel."""
        shown = self._display_id_map.get((msg["content"].get("transient") or {}).get("display_id"), {})
        places = sum(map(len, shown.values()))  # what has a display's id is written into all that have it
        if self.quota.admit(msg, max(places, 1)) or msg["msg_type"] == "status":
            return super().process_message(msg, cell, cell_index)
        if self.quota.reason and self.km.has_kernel:
            self.km.provisioner.process.kill()
        return None

    def handle_comm_msg(self, outs, msg, cell_index):
        """No widget is kept, so none is followed."""

    def _get_timeout(self, cell):
        return TICK

    async def _async_handle_timeout(self, timeout, cell=None):
        """Called at every tick: interrupt a cell that takes too long, kill a kernel that goes on regardless."""
        limit = min(self.timeout, self.budget - self.spent)
        if self.clock() < limit:
            return await asyncio.sleep(0.01)
        if await stop(self.km, self.kc):
            return {"content": {**self.error_on_timeout, "status": "error"}}
        raise Hung(f"a cell took longer than {limit:g} seconds and could not be interrupted")

    def set_widgets_metadata(self):
        """No widget's state is kept."""

    def _mark(self, cell: NotebookNode) -> bool:
        """Mark a check cell; whether it was one."""
        data = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or not data.get("grade"):
            return False
        name, points = data["grade_id"], float(data["points"])
        exercise = next((exercise for exercise in self.assignment.exercises if exercise.name == name), None)
        if exercise is None:
            mark = zero(points, "no check stands behind this cell: tell your instructor", flag="no check")
        elif self.dead:
            mark = zero(points, f"Not checked: {self.dead}.", flag=self.dead)
        elif any(self.assignment.private(exercise)):
            self.waiting.append((cell, exercise, self._replies(exercise, private=False)))
            return True
        else:
            mark = self._ask(exercise, points, self._replies(exercise, private=False))
        self._put(cell, mark)
        return True

    def _test(self, cell: NotebookNode) -> None:
        """Mark an ordinary test cell by what it showed; a reason to look at it stands below that."""
        if not is_test(cell):
            return
        name = cell.metadata["nbgrader"]["grade_id"]
        mark = worth(cell, self.dead, bool(not self.dead and self.quota.dropped))
        mark = mark.flagged(self.flags[name]) if name in self.flags else mark
        self.marks[name] = mark
        if mark.flag:
            cell.outputs += _plain([new_output("display_data", {"text/html": mark.html(), "text/plain": mark.text()})])
            self.notes.append(f"{FLAGGED}{name}: {mark.flag}.")

    def _put(self, cell: NotebookNode, mark: Mark) -> None:
        """Keep a mark and show it in its cell."""
        name = cell.metadata["nbgrader"]["grade_id"]
        if name in self.flags:
            mark = mark.flagged(self.flags[name])
        self.marks[name] = mark
        cell.execution_count = None
        shown = [
            new_output("display_data", {"text/html": mark.html(), "text/plain": mark.text()}),
            new_output("execute_result", {"text/plain": repr(mark.score)}, execution_count=None),
        ]
        cell.outputs = _plain(shown)

    def _replies(self, exercise: Exercise, private: bool) -> list[Reply]:
        """What the student's definitions say to the public or to the private tests."""
        replies = []
        for case, hidden in zip(questions(exercise, self.draw), self.assignment.private(exercise), strict=True):
            if hidden != private:
                continue
            if self.dead:
                replies.append(Reply("refused", {}, self.dead))
                continue
            clock = Clock(self.km.provisioner.kernel)
            limit = max(min(self.probe_timeout, self.budget - self.spent), 0.1)
            replies.append(run_sync(ask)(self.km, self.kc, case.probe, exercise.answer, case.inputs, case.seed, limit))
            self.spent += clock()
        return replies

    def _ask(self, exercise: Exercise, points: float, published: list[Reply]) -> Mark:
        """The mark that the student's definitions earn on fresh inputs.

        Private tests are asked when no cell will run any more: nothing that a student's code sees of them comes back.
        """
        private = self._replies(exercise, private=True)
        hidden, left = self.assignment.private(exercise), [iter(published), iter(private)]
        replies = [next(left[is_private]) for is_private in hidden]
        asked = Entry(exercise.title, exercise.answer, exercise.hints, questions(exercise, self.draw), {})
        if any(reply.status == "ok" for reply in replies):  # only now is it worth the time to know what is right
            asked = known(self.assignment, exercise.name, self.draw, False)
        verdict = judge(asked.cases, replies, {})
        if verdict.outcome in ("wrong", "raised"):  # and only now which slip it was
            asked = known(self.assignment, exercise.name, self.draw, True)
            verdict = judge(asked.cases, replies, asked.slips)
        flag = next(filter(None, map(unfit, published)), "") or (UNFIT if any(map(unfit, private)) else "")
        shown = veiled(verdict, self.assignment, exercise, asked, published)
        seed = self.draw if self.assignment.seed is None else None
        score = round(points * verdict.share, 4)
        return Mark(shown, score, points, seed, flag, Found(verdict.outcome, verdict.slip, self.draw))


def _plain(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Outputs that any notebook file can hold: no lone surrogates."""
    return from_dict(json.loads(json.dumps(outputs, ensure_ascii=False).encode(errors="replace")))


class SaveSealedGrades(SaveAutoGrades):
    """Records the marks; a check without one is 0 and flagged, whatever its cell shows."""

    def _add_score(self, cell, resources):
        if cell.metadata["nbgrader"].get("solution") or cell.cell_type != "code":
            return super()._add_score(cell, resources)  # a manual question
        name = cell.metadata["nbgrader"]["grade_id"]
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        mark = resources.get("dgm_marks", {}).get(name)
        grade.auto_score = mark.score if mark else 0.0
        record(self.gradebook.db, grade.id, mark)
        # nbgrader's own flag: Formgrader lists the submission as one to look at.
        grade.needs_manual_grade = mark is None or bool(mark.flag) or grade.manual_score is not None
        self.gradebook.db.commit()
        return None

    def _add_comment(self, cell, resources):
        """Say at the answer why its check was flagged, and at the first answer what concerns the whole submission."""
        super()._add_comment(cell, resources)
        name = cell.metadata["nbgrader"]["grade_id"]
        mark = resources.get("dgm_marks", {}).get(name.removesuffix("-answer"))
        said = [*resources.pop("dgm_notes", []), f"{FLAGGED}{mark.flag}." if mark and mark.flag else ""]
        if any(said):
            comment = self.gradebook.find_comment(name, self.notebook_id, self.assignment_id, self.student_id)
            comment.auto_comment = printable("\n".join(filter(None, [comment.auto_comment, *said])))
            self.gradebook.db.commit()
