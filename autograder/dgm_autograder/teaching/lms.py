"""Submissions from a learning platform's download: one zip file for the class, by Canvas, Moodle or Blackboard.

Nobody is left out in silence: a file whose name says nothing of its student is returned by name.
"""

import re
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from dgm_tutor.files import write_bytes

from dgm_autograder import intake
from dgm_autograder.collect import ARCHIVES, MAX_UNPACKED, unpack
from dgm_autograder.teaching.course import Course
from dgm_autograder.teaching.late import policy
from dgm_autograder.teaching.roster import Person, keep_numbers, pseudonyms

NAMES = {
    "canvas": re.compile(r"(?:.*/)?(?P<name>[^/_]+)_(?:LATE_)?(?P<student>\d+)_\d+_(?P<file>[^/]+)"),
    "moodle": re.compile(r"(?:.*/)?(?P<name>[^/]+)_(?P<student>\d+)_assignsubmission_file_?/?(?P<file>[^/]+(?:/.+)?)"),
    "blackboard": re.compile(
        r"(?:.*/)?[^/]+_(?P<student>[^/_]+)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?:_(?P<file>[^/]+)|\.txt)"
    ),
}


@dataclass
class Handed:
    """What one student handed in; `name` as the platform writes it, `when` in UTC: where the file names tell."""

    name: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    when: datetime | None = None


def collect(
    course: Course, assignment: str, archive: Path, platform: str, people: dict[str, Person]
) -> dict[str, list]:
    """Put every student's files into submitted/. Returns names: collected, unchanged, strangers, not understood.

    Students are looked up in the roster by the platform's number, in Moodle's download by name (`Known`); whoever is
    not on it keeps the number as a name.
    What is replaced by a newer submission moves to replaced/.
    """
    zone = getattr(policy(course.folder), "timezone", UTC)
    handed, left = _read(archive, platform, zone)
    known = Known(people, platform)
    released = sorted(path.name for path in course.place("release", ".", assignment).glob("*.ipynb"))
    table = pseudonyms(course)
    strangers: list[str] = []
    told: dict[str, list] = {"collected": [], "unchanged": [], "not on the roster": [], "not understood": left}
    for number, submission in sorted(handed.items()):
        student = known.student(number, submission.name)
        if student is None:
            student = number
            strangers.append(number)
            told["not on the roster"] += [f"{number} ({submission.name})" if submission.name else number] * bool(people)
        folder = course.place("submitted", table.of(student) if table else student, assignment)
        files = _named(submission.files, released)
        if submission.when:
            files[intake.TIME] = f"{submission.when:%Y-%m-%d %H:%M:%S} UTC".encode()
        if _same(folder, files):
            told["unchanged"].append(student)
            continue
        part = folder.with_name(f".{folder.name}.part")  # whole or not at all
        shutil.rmtree(part, ignore_errors=True)  # of a run that was cut off
        for name, content in files.items():
            write_bytes(part / name, content)
        if folder.exists():
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
            old = course.folder / "replaced" / folder.parent.name / f"{assignment}-{stamp}"
            old.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(old)
        part.rename(folder)
        told["collected"].append(student)
    if platform != "moodle":
        keep_numbers(course, strangers)
    return told


class Known:
    """Who is meant by a platform's number and name.

    The number in Moodle's file names is drawn anew for each assignment and says nothing of a person: there it is the
    full name, if only one has it; the number counts for people without a name on the roster.
    """

    def __init__(self, people: dict[str, Person], platform: str):
        self.numbers = {person.lms_user_id or person.id: person.id for person in people.values()}
        self.names: dict[str, set[str]] = {}
        if platform == "moodle":
            for p in people.values():
                for name in (f"{p.first_name} {p.last_name}", f"{p.last_name} {p.first_name}"):
                    self.names.setdefault(_letters(name), set()).add(p.id)
        self.named = {p.id for p in people.values() if platform == "moodle" and _letters(p.first_name + p.last_name)}

    def student(self, number: str, name: str) -> str | None:
        """The id, or None for somebody who is not on the roster, or cannot be told from another."""
        called = self.names.get(_letters(name), set()) & self.named
        if called:
            return next(iter(called)) if len(called) == 1 else None
        found = self.numbers.get(number)
        return None if found in self.named else found


def _letters(name: str) -> str:
    """What is left of a name in every file system."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _read(archive: Path, platform: str, zone: ZoneInfo) -> tuple[dict[str, Handed], list[str]]:
    """What each student handed in, and the names that say nothing of a student."""
    handed: dict[str, Handed] = {}
    left = []
    for name, content in _members(archive):
        match = NAMES[platform].fullmatch(name)
        path = PurePosixPath(match["file"]) if match and match["file"] else None
        if match and path is None:
            continue  # Blackboard's receipt
        if path is None or path.is_absolute() or ".." in path.parts or "\\" in name or not name.isprintable():
            left.append(name)
            continue
        submission = handed.setdefault(match["student"], Handed(match.groupdict().get("name", "")))
        when = _time(match.groupdict().get("when"), zone)
        if when and submission.when and when != submission.when:
            if when < submission.when:
                continue  # an earlier attempt
            submission.files.clear()
        submission.when = when
        submission.files[str(path)] = content
    return handed, left


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of a class's zip file; a file of more than `MAX_UNPACKED` bytes says that it was too large."""
    if not zipfile.is_zipfile(archive):
        raise ValueError(f"{archive} is not a zip file: give the one that the platform made of the whole class")
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            if not info.is_dir():
                with opened.open(info) as stream:
                    content = stream.read(MAX_UNPACKED + 1)
                yield (
                    info.filename,
                    content if len(content) <= MAX_UNPACKED else intake.refusal("the file is too large"),
                )


def _time(text: str | None, zone: ZoneInfo) -> datetime | None:
    if text is None:
        return None
    return datetime.strptime(text, "%Y-%m-%d-%H-%M-%S").replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)


def _named(files: dict[str, bytes], released: list[str]) -> dict[str, bytes]:
    """The files, archives unpacked; the only notebook has the only released name, whatever a browser made of it."""
    found: dict[str, bytes] = {}
    for name, content in files.items():
        found |= _unpacked(name, content, released) if name.endswith(ARCHIVES) else {name: content}
    notebooks = [name for name in found if name.endswith(".ipynb")]
    if len(notebooks) == len(released) == 1 and notebooks != released:
        found[released[0]] = found.pop(notebooks[0])
    return found


def _unpacked(name: str, content: bytes, released: list[str]) -> dict[str, bytes]:
    """An archive's files without their folders; of one that is refused, notebooks that say why."""
    with tempfile.TemporaryDirectory() as top:
        archive, inside = Path(top, Path(name).name), Path(top, "inside")
        archive.write_bytes(content)
        try:
            unpack(archive, inside)
        except (intake.Refused, OSError, zipfile.BadZipFile, tarfile.TarError, EOFError, ValueError) as error:
            return {notebook: intake.refusal(f"the archive was refused: {error}") for notebook in released}
        return {path.name: path.read_bytes() for path in sorted(inside.rglob("*")) if path.is_file()}


def _same(folder: Path, files: dict[str, bytes]) -> bool:
    """Whether the folder holds just these files."""
    there = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return set(there) == set(files) and all(there[name].read_bytes() == content for name, content in files.items())
