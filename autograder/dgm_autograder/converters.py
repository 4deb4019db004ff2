"""nbgrader's autograde and feedback steps for a class of strangers: what `intake` made is read, what broke off redone.

nbgrader has no setting for its converters, so `install` puts these in their place; commands, Formgrader and all other
settings stay nbgrader's own.
"""

import errno
import fnmatch
import os
import shutil
from pathlib import Path

from dgm_tutor.files import write_bytes
from nbgrader.api import MissingEntry
from nbgrader.apps import api, autogradeapp, generateassignmentapp, generatefeedbackapp
from nbgrader.converters import GenerateAssignment, GenerateFeedback, NbGraderException, autograde
from nbgrader.preprocessors import latesubmissions, overwritekernelspec, saveautogrades
from traitlets import default

from dgm_autograder import confine, forkserver, intake, provisioner, seccomp
from dgm_autograder.batch import Batch
from dgm_autograder.clean import HideTests
from dgm_autograder.feedback import FeedbackPage
from dgm_autograder.giveback import SECRET
from dgm_autograder.intake import DONE
from dgm_autograder.ledger import gradebook
from dgm_autograder.logs import PlainLog
from dgm_autograder.ordinary import SEALED
from dgm_autograder.sealed import SealedExecute
from dgm_autograder.summary import summary

STAGED = ".intake"  # beside submitted/ and autograded/
BUILT = ".release"  # beside release/
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}  # the machine's trouble, not a submission's


UNFINISHED = "not graded to the end, or not in this gradebook; run `nbgrader autograde` again"


class Listed:
    """Finds submissions by listing folders: a student's name is no pattern, so brackets in it hide nobody."""

    def students(self, step: str) -> list[tuple[str, Path]]:
        """Names and folders of the assignment's submissions that were asked for, in `step`."""
        found, wanted, top = [], self.coursedir.student_id, Path(self.coursedir.root, step)
        for name in sorted(os.listdir(top)) if top.is_dir() else []:
            folder = Path(self.coursedir.format_path(step, name, self.coursedir.assignment_id))
            asked = name == wanted or fnmatch.fnmatchcase(name, wanted)
            if asked and folder.is_dir() and not folder.is_symlink() and not folder.parent.is_symlink():
                found.append((name, folder))
        if not found:
            self.fail(f"no submissions of {self.coursedir.assignment_id!r} by {wanted!r} in {top}")
        return found

    def fail(self, message: str) -> None:
        """End the command, for a reason that concerns everyone."""
        self.log.error("Nothing was done: %s", message)
        raise NbGraderException(message)

    def insist(self, step: type, steps: list[type]) -> None:
        """That `step` is one of this command's: nbgrader logs an error in its configuration, and goes on without it."""
        if step not in steps:
            self.fail(f"{step.__name__} is not among the steps. Look above for an error in nbgrader_config.py; mend it")


class ClassAutograde(Listed, Batch):
    """One student's submission, whatever it is, stops nobody else's and is never left out in silence."""

    def start(self) -> None:
        """Grade everyone who has no finished result of what they handed in."""
        self.log.addFilter(PlainLog())
        self.insist(SealedExecute, self.autograde_preprocessors)
        if not self.config.SealedExecute.get("trust_students", False):
            try:
                needed = ["bwrap", "prlimit", *(["setpriv"] if os.geteuid() == 0 else [])]
                for tool in needed:
                    confine.tool(tool)
                seccomp.program()
            except RuntimeError as error:
                self.fail(str(error))
        provisioner.sweep()
        self.staged: list[str] = []  # the students of this run
        self.made: set[Path] = set()  # the results that it finished
        try:
            super().start()
        finally:
            forkserver.stop()
            shutil.rmtree(self._folder(STAGED), ignore_errors=True)
            if self.staged:
                self.say()

    @property
    def _input_directory(self) -> str:
        return STAGED if self._sanitizing else self.coursedir.autograded_directory

    def _folder(self, step: str) -> Path:
        return Path(self.coursedir.root, step)

    def init_notebooks(self) -> None:
        """Find and stage the submissions, by listing: names are not patterns."""
        assignment = self.coursedir.assignment_id
        expected = self._expected(assignment)
        shutil.rmtree(self._folder(STAGED), ignore_errors=True)
        self.assignments, self.notebooks = {}, []
        for name, handed_in in self.students(self.coursedir.submitted_directory):
            student = intake.identity(name)
            staged = Path(self.coursedir.format_path(STAGED, student, assignment))
            try:
                notes = intake.stage(handed_in, staged, expected)
            except Exception as error:  # a folder may be anything; the others are graded
                shutil.rmtree(staged, ignore_errors=True)
                if isinstance(error, OSError) and error.errno in FULL:
                    self.fail(f"submissions cannot be copied to {self._folder(STAGED)}: {error.strerror}")
                why = f"the submission could not be copied: {type(error).__name__}"
                notes = intake.stage_refused(staged, expected, why)
            for note in notes:
                self.log.warning("%s: %s", student, note)
            chosen = [n for n in expected if fnmatch.fnmatchcase(n, self.coursedir.notebook_id)]
            self.staged.append(student)
            self.assignments[str(staged)] = [str(staged / f"{n}.ipynb") for n in chosen]

    def _expected(self, assignment: str) -> list[str]:
        with gradebook(self.coursedir.db_url, self.coursedir.course_id) as book:
            try:
                notebooks = book.find_assignment(assignment).notebooks
                exercises = Path(self.config.SealedExecute.get("exercises", ""), assignment)
                cells = [cell.source or "" for notebook in notebooks for cell in notebook.source_cells]
                if not exercises.is_dir() and any(map(SEALED.search, cells)):
                    self.fail(f"the checks of {assignment!r} need its exercises, and there is no folder {exercises}")
                return [notebook.name for notebook in notebooks]
            except MissingEntry:
                self.fail(f"no assignment {assignment!r} in the gradebook: run `nbgrader generate_assignment` first")

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Keep a finished result of this very submission; throw any other away."""
        result = Path(self._format_dest(assignment_id, student_id))
        source = Path(self._format_source(assignment_id, student_id))
        self.fingerprint = intake.digest(source)
        whole = self.coursedir.notebook_id == "*"
        if whole and result.exists() and not self._finished(result, assignment_id, student_id):
            self.log.warning("Grading again, as the result is unfinished or of an older submission: %s", result)
            shutil.rmtree(result)
        elif not whole and (result / DONE).exists():
            (result / DONE).unlink()  # until this notebook is graded
        return super().init_destination(assignment_id, student_id)

    def _finished(self, result: Path, assignment: str, student: str) -> bool:
        done = result / DONE
        if not done.is_file() or done.read_text() != self.fingerprint:
            return False
        with gradebook(self.coursedir.db_url, self.coursedir.course_id) as book:
            try:
                book.find_submission(assignment, student)
            except MissingEntry:
                return False
        return True

    def run_post_convert_hook(self) -> None:
        """The last step of a submission: say that it is finished."""
        super().run_post_convert_hook()
        notebook = Path(self.writer.build_directory)
        self.made.add(write_bytes(notebook / DONE, self.fingerprint.encode()))

    def say(self) -> None:
        """Log what the run came to."""
        assignment = self.coursedir.assignment_id
        done = {student: Path(self._format_dest(assignment, student), DONE) for student in self.staged}
        graded = [student for student in self.staged if done[student] in self.made]
        kept = [student for student in self.staged if student not in graded and done[student].is_file()]
        left = [student for student in self.staged if student not in graded + kept]
        with gradebook(self.coursedir.db_url, self.coursedir.course_id) as book:
            for line in summary(book, assignment, graded, kept, left):
                self.log.info(line)


class ClassFeedback(Listed, GenerateFeedback):
    """A page for everyone who is graded, made anew, so that none shows older marks than the gradebook."""

    @default("exporter_class")
    def _page(self) -> type:
        return FeedbackPage

    def start(self) -> None:
        """Make the pages."""
        self.log.addFilter(PlainLog())
        self.insist(HideTests, self.preprocessors)
        self.force = True
        super().start()

    def init_notebooks(self) -> None:
        """Take finished results only, of which the gradebook has the marks: an older copy may have been put back."""
        self.assignments, self.notebooks = {}, []
        with gradebook(self.coursedir.db_url, self.coursedir.course_id) as book:
            marked = {submission.student.id for submission in book.assignment_submissions(self.coursedir.assignment_id)}
        for name, folder in self.students(self.coursedir.autograded_directory):
            if not (folder / DONE).is_file() or name not in marked:
                self.log.warning("%s: %s", name, UNFINISHED)
                continue
            notebooks = [str(path) for path in folder.iterdir() if path.suffix == ".ipynb"]
            self.assignments[str(folder)] = [
                path for path in notebooks if fnmatch.fnmatchcase(Path(path).stem, self.coursedir.notebook_id)
            ]

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Of the files handed in, copy what releasing a page asks for: a browser would run what is in others."""
        source, target = (Path(of(assignment_id, student_id)) for of in (self._format_source, self._format_dest))
        for name in (intake.TIME, SECRET):
            content = intake.read(source / name, intake.MAX_FILE)
            if content is not None:
                write_bytes(target / name, content)


class WholeAssignment(GenerateAssignment):
    """A release is there whole or not at all: the next run asks only whether it is."""

    building = False

    @property
    def _output_directory(self) -> str:
        return BUILT if self.building else self.coursedir.release_directory

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Build a new release beside the old one's place. One notebook of several goes straight into it."""
        self.building = False
        wanted = super().init_destination(assignment_id, student_id)
        self.building = wanted and self.coursedir.notebook_id == "*"
        if self.building:
            shutil.rmtree(self._format_dest(assignment_id, student_id), ignore_errors=True)  # of a run that was cut off
        return wanted

    def set_permissions(self, assignment_id: str, student_id: str) -> None:
        """The last step for an assignment: put it in its place."""
        super().set_permissions(assignment_id, student_id)
        if self.building:
            built = Path(self._format_dest(assignment_id, student_id))
            self.building = False
            place = Path(self._format_dest(assignment_id, student_id))
            place.parent.mkdir(parents=True, exist_ok=True)
            built.rename(place)
            shutil.rmtree(Path(self.coursedir.root, BUILT))


def install() -> None:
    """Let nbgrader's commands and its server extension use these."""
    generateassignmentapp.GenerateAssignment = api.GenerateAssignment = WholeAssignment
    autogradeapp.Autograde = api.Autograde = ClassAutograde
    for steps in (autograde, latesubmissions, overwritekernelspec, saveautogrades):
        steps.Gradebook = gradebook
    generatefeedbackapp.GenerateFeedback = api.GenerateFeedback = ClassFeedback
