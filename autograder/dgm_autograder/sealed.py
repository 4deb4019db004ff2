"""The grading step: student cells run in one kernel, the checks here, and only probes pass between them.

`SealedExecute` takes the place of nbgrader's `Execute`, `SaveSealedGrades` that of `SaveAutoGrades`. A check cell is
never run beside the student's code. In its place the exercise's probes ask the kernel for data on inputs drawn for
this submission, and the comparison with right answers is made in this process. A mark needs such a comparison: a
dead kernel, a missing cell or a reply that is not data is a recorded 0 with a reason and a flag.
"""

import json
import secrets
import time
from pathlib import Path

from dgm_tutor.checks.judge import judge, unfit
from jupyter_core.utils import run_sync
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_output
from nbgrader.preprocessors import Execute, SaveAutoGrades
from traitlets import Float, Integer, Unicode

from dgm_autograder.assignment import load
from dgm_autograder.cases import entry, questions
from dgm_autograder.exercise import Exercise
from dgm_autograder.kernel import RoomKernelManager, ask
from dgm_autograder.mark import Mark, zero
from dgm_autograder.restore import FLAGS


class SealedExecute(Execute):
    """Runs a restored notebook and puts a `Mark` per check cell into `resources["dgm_marks"]`."""

    exercises = Unicode(help="The course's folder of exercises.").tag(config=True)
    probe_timeout = Float(20.0, help="Seconds for one probe.").tag(config=True)
    budget = Float(300.0, help="Seconds for a student's own cells, all together.").tag(config=True)
    seed = Integer(None, allow_none=True, help="Of the inputs; by default drawn for every submission.").tag(config=True)
    shutdown_kernel = Unicode("immediate").tag(config=True)

    def preprocess(self, nb, resources, km=None):
        """Run and mark the notebook; the kernel and its room are gone afterwards, whatever happens."""
        self.assignment = load(Path(self.exercises) / resources["nbgrader"]["assignment"])
        self.flags = nb.metadata.pop(FLAGS, {})
        self.marks: dict[str, Mark] = {}
        self.dead = ""
        self.draw = secrets.randbits(31) if self.seed is None else self.seed
        self.resources = resources
        self.nb = nb
        self.room: RoomKernelManager | None = None
        self.end = time.monotonic() + self.budget
        resources["dgm_marks"] = self.marks
        try:
            return super().preprocess(nb, resources, km)
        finally:
            if self.room is not None:
                self.room.clear()

    def create_kernel_manager(self):
        """A kernel in a room of its own, with the files handed in."""
        self.km = self.room = RoomKernelManager(kernel_name="python3", config=self.config)
        self.room.provides = tuple(self.assignment.provides)
        self.room.bring(Path(self.resources["metadata"]["path"]))
        return self.km

    def preprocess_cell(self, cell, resources, index):
        """Run a student's cell, or ask the probes that stand behind a check."""
        if cell.cell_type != "code" or self._mark(cell):
            return cell, resources
        if time.monotonic() > self.end:
            self.dead = self.dead or f"the notebook took longer than {self.budget:g} seconds"
        if not self.dead:
            try:
                super().preprocess_cell(cell, resources, index)
                cell.outputs = _plain(cell.outputs)
            except DeadKernelError:
                self.dead = f"the kernel died in the cell that begins {cell.source.strip()[:60]!r}"
            except Exception as error:  # a kernel may send anything at all
                self.log.error("Cell %d: %s: %s", index, type(error).__name__, error)
                self.dead, cell.outputs = "the kernel sent what is not a message", []
        return cell, resources

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
        else:
            mark = self._ask(exercise, points)
        if name in self.flags:
            mark = mark.flagged(self.flags[name])
        self.marks[name] = mark
        cell.execution_count = None
        cell.outputs = [
            new_output("display_data", {"text/html": mark.html(), "text/plain": mark.text()}),
            new_output("execute_result", {"text/plain": repr(mark.score)}, execution_count=None),
        ]
        return True

    def _ask(self, exercise: Exercise, points: float) -> Mark:
        """The mark that the student's definitions earn on fresh inputs."""
        cases, replies = questions(exercise, self.draw), []
        for case in cases:
            about = (case.probe, exercise.answer, case.inputs, case.seed, self.probe_timeout)
            replies.append(run_sync(ask)(self.km, self.kc, *about))
        if any(reply.status == "ok" for reply in replies):  # only now is it worth the time to know what is right
            cases = entry(self.assignment, exercise, self.draw, with_slips=False).cases
        verdict = judge(cases, replies, {})
        if verdict.outcome in ("wrong", "raised"):  # and only now which slip it was
            explained = entry(self.assignment, exercise, self.draw)
            verdict = judge(explained.cases, replies, explained.slips)
        flag = next(filter(None, map(unfit, replies)), "")
        return Mark(verdict, round(points * verdict.share, 4), points, self.draw, flag)


def _plain(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Outputs that any notebook file can hold: no lone surrogates."""
    return from_dict(json.loads(json.dumps(outputs, ensure_ascii=False).encode(errors="replace")))


class SaveSealedGrades(SaveAutoGrades):
    """Records the marks; a check without one is 0 and flagged, whatever its cell shows."""

    def _add_score(self, cell, resources):
        if cell.metadata["nbgrader"].get("solution"):
            return super()._add_score(cell, resources)  # a manual question
        name = cell.metadata["nbgrader"]["grade_id"]
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        mark = resources.get("dgm_marks", {}).get(name)
        grade.auto_score = mark.score if mark else 0.0
        # nbgrader's own flag: Formgrader lists the submission as one to look at.
        grade.needs_manual_grade = mark is None or bool(mark.flag) or grade.manual_score is not None
        self.gradebook.db.commit()
        return None
