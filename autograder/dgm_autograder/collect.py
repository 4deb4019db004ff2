"""The two ways in: nbgrader's exchange, and archives downloaded from a learning platform.

Links are not followed, nothing is written outside its folder, sizes are bounded, and one student's trouble is noted
for that student while the others are collected.
"""

import io
import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from dgm_tutor.files import write_bytes
from nbgrader.exchange.default import ExchangeCollect
from nbgrader.plugins import ExtractorPlugin
from nbgrader.utils import parse_utc
from traitlets import Unicode

from dgm_autograder import intake
from dgm_autograder.pseudonyms import Pseudonyms

MAX_MEMBERS = 1_000
MAX_UNPACKED = 200_000_000  # bytes of one student's archive, whatever it says of itself
CHUNK = 1 << 20
ARCHIVES = (".zip", ".tar", ".gz", ".tgz")


class PlainCollect(ExchangeCollect):
    """Copies ordinary files only; the time is the one by which nbgrader named the folder."""

    pseudonyms = Unicode(help="A private file, outside the course: names in it stand for students.").tag(config=True)

    def init_src(self):
        """Find the submissions; under pseudonyms nobody owns their folder, so owners are not compared."""
        self.check_owner = self.check_owner and not self.pseudonyms
        super().init_src()

    def _path_to_record(self, path):
        """The submission in an inbound folder; a name that nbgrader did not give is taken as it is."""
        name = os.path.basename(path)
        student, *_, when = [*name.rsplit("+", 3)[:3], ""][:3]
        try:
            timestamp = parse_utc(when) if name.count("+") >= 2 else None
        except (ValueError, OverflowError):
            timestamp = None
        if timestamp is None:
            timestamp = datetime.fromtimestamp(os.lstat(path).st_ctime, UTC).replace(tzinfo=None)
        student = student.strip(".") or "unnamed"
        student = Pseudonyms(Path(self.pseudonyms)).of(student) if self.pseudonyms else student
        return {"username": student, "filename": name, "timestamp": timestamp}

    def do_copy(self, src, dest, log=None):
        """Copy what is plain; a submission is there whole or not at all, for the next run asks only whether it is."""
        source, target = Path(src), Path(dest)
        part = target.with_name(f".{target.name}.part")
        shutil.rmtree(part, ignore_errors=True)  # of a run that was cut off
        part.mkdir(parents=True)
        total = 0
        for path, is_plain in intake.walk(source):
            content = intake.read(path, intake.MAX_NOTEBOOK) if is_plain else None
            total += len(content or b"")
            if content is None or total > MAX_UNPACKED:
                self.log.warning("%s: not collected: no plain file, or too large", str(path))
                if path.suffix == ".ipynb":
                    content = intake.refusal("the notebook was no plain file, or too large to collect")
                else:
                    continue
            write_bytes(part / path.relative_to(source), content)
        when = self._path_to_record(src)["timestamp"]
        write_bytes(part / intake.TIME, f"{when:%Y-%m-%d %H:%M:%S.%f} UTC".encode())
        part.rename(target)


class PlainExtractor(ExtractorPlugin):
    """Unpacks archives within bounds, each into a folder of its own name."""

    def extract(self, archive_path, extracted_path):
        """Unpack or copy everything below a folder. An archive that is refused leaves a notebook that says why."""
        top = Path(archive_path)
        for path, is_plain in intake.walk(top):
            target = Path(extracted_path) / path.relative_to(top).parent
            if not is_plain:
                self.log.warning("%s: left out: no plain file", str(path))
            elif path.suffix not in ARCHIVES:
                content = intake.read(path, intake.MAX_NOTEBOOK)
                write_bytes(target / path.name, intake.refusal("the file is too large") if content is None else content)
            else:
                target /= path.name.removesuffix(path.suffix).removesuffix(".tar")
                try:
                    unpack(path, target)
                except Exception as error:  # of many kinds: an archive may be anything; the others are unpacked
                    self.log.warning("%s: refused: %s", str(path), error)
                    for name in self._notebooks():
                        write_bytes(target / name, intake.refusal(f"the archive was refused: {error}"))

    def _notebooks(self) -> list[str]:
        """The names of the assignment's notebooks, as released."""
        course = self.parent.coursedir
        released = Path(course.format_path(course.release_directory, ".", course.assignment_id))
        return sorted(path.name for path in released.glob("*.ipynb"))


def unpack(archive: Path, folder: Path) -> None:
    """The ordinary files of an archive, and of archives in it. Raises `Refused` for one that is not what it should be.

    Everything is checked and read before anything is written.
    """
    for name, content in _members(archive.open("rb"), archive.name, [MAX_UNPACKED, MAX_MEMBERS], 2):
        write_bytes(folder / name, content)


def _members(file, name: str, left: list[int], depth: int) -> list[tuple[str, bytes]]:
    """Names and contents; `left` is what may still come of bytes and of members."""
    found = []
    with file:
        for member, opened in _zipped(file) if name.endswith(".zip") else _tarred(file):
            path = PurePosixPath(member)
            if path.is_absolute() or ".." in path.parts or "\\" in member or not member.isprintable():
                raise intake.Refused("it has a file that would be written outside its folder")
            left[1] -= 1
            blocks = []
            with opened as stream:
                while block := stream.read(CHUNK):
                    blocks.append(block)
                    left[0] -= len(block)
                    if left[0] < 0:
                        raise intake.Refused(f"it unpacks to more than {MAX_UNPACKED // 1_000_000} MB")
            if left[1] < 0:
                raise intake.Refused(f"it holds more than {MAX_MEMBERS:,} files")
            found.append((member, b"".join(blocks)))
    for member, content in list(found):
        if member.endswith(ARCHIVES):
            if not depth:
                raise intake.Refused("it holds archives in archives in archives")
            found.remove((member, content))
            inner = str(PurePosixPath(member).with_suffix(""))
            found += [
                (f"{inner}/{name}", data) for name, data in _members(io.BytesIO(content), member, left, depth - 1)
            ]
    return found


def _zipped(file) -> Iterator[tuple[str, object]]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if stat.S_ISLNK(info.external_attr >> 16):
                raise intake.Refused("it holds a link")
            if info.flag_bits & 1:
                raise intake.Refused("it is encrypted")
            if not info.is_dir():
                yield info.filename, archive.open(info)


def _tarred(file) -> Iterator[tuple[str, object]]:
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for info in archive:
            if not (info.isfile() or info.isdir()):
                raise intake.Refused("it holds a link or a device")
            if info.isfile():
                yield info.name, archive.extractfile(info)
