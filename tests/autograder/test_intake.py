"""What is taken of a submission, from a folder, from the exchange, from an archive; and what is cleaned of it."""

import dataclasses
import io
import json
import logging
import os
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from dgm_autograder import collect, commands, confine, intake
from dgm_autograder.doctor import doctor
from dgm_autograder.kernel import shadows
from dgm_autograder.restore import NOTES, UNREADABLE, MasterCell, restore
from nbformat.v4 import new_code_cell, new_notebook

NAME = "sheet"


def notebook(*cells: dict, **more) -> bytes:
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | more).encode()


def code(source: object, **more) -> dict:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "source": source} | more


@pytest.fixture
def handed_in(tmp_path) -> Path:
    folder = tmp_path / "handed-in"
    folder.mkdir()
    (folder / f"{NAME}.ipynb").write_bytes(notebook(code("1")))
    return folder


def taken(handed_in: Path) -> tuple[dict, list[str], list[str]]:
    """The staged notebook, the other files staged, the notes."""
    staged = handed_in.parent / "staged"
    notes = intake.stage(handed_in, staged, [NAME])
    files = sorted(str(path.relative_to(staged)) for path in staged.rglob("*") if path.is_file())
    files.remove(f"{NAME}.ipynb")
    return json.loads((staged / f"{NAME}.ipynb").read_text()), files, notes


def test_the_same_submission_has_the_same_fingerprint(handed_in):
    for name in ("one", "two"):
        intake.stage(handed_in, handed_in.parent / name, [NAME])
    assert intake.digest(handed_in.parent / "one") == intake.digest(handed_in.parent / "two")


def test_the_mark_of_a_finished_result_cannot_be_handed_in(handed_in):
    (handed_in / ".graded").mkdir()
    (handed_in / ".graded" / "x").write_text("x")
    _, files, notes = taken(handed_in)
    assert files == [] and ".graded/x" in notes[0]


def test_a_name_as_long_as_names_can_be_is_no_trouble(handed_in):
    (handed_in / ("n" * 255)).write_text("x")
    (handed_in / ("ü" * 127)).write_text("x")
    assert len(taken(handed_in)[1]) == 2


def test_a_folder_that_may_not_be_looked_into_is_left_out(handed_in, monkeypatch):
    (handed_in / "closed").mkdir()
    scan = os.scandir

    def scandir(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    staged, _, notes = taken(handed_in)
    assert [cell["source"] for cell in staged["cells"]] == [["1"]] and "closed" in notes[0]


def test_an_ordinary_submission_goes_through(handed_in):
    (handed_in / "weights.safetensors").write_bytes(b"123")
    (handed_in / "data").mkdir()
    (handed_in / "data" / "a.csv").write_text("1,2")
    (handed_in / "timestamp.txt").write_text("2026-03-01 12:00:00.000000 UTC")
    staged, files, notes = taken(handed_in)
    assert notes == [] and files == ["data/a.csv", "timestamp.txt", "weights.safetensors"]
    assert [cell["source"] for cell in staged["cells"]] == [["1"]] or staged["cells"][0]["source"] == "1"
    assert (handed_in.parent / "staged" / "timestamp.txt").read_text() == "2026-03-01 12:00:00.000000 UTC"


def test_only_ordinary_files_are_copied_and_the_rest_is_named(handed_in, tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "MAX_FILE", 1000)
    (tmp_path / "secret").write_text("secret")
    (handed_in / "link").symlink_to(tmp_path / "secret")
    (handed_in / "folder").symlink_to(tmp_path)
    os.mkfifo(handed_in / "pipe")
    (handed_in / "large").write_bytes(bytes(1001))
    (handed_in / "esc\x1b[2J").write_text("")
    _, files, (note,) = taken(handed_in)
    assert files == []
    for name in ("link", "folder", "pipe", "large", "esc"):
        assert name in note
    assert note.isprintable()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"this is no notebook", "not JSON"),
        (b"", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"[1]", "no list of cells"),
        (b'{"cells": "x", "nbformat": 4}', "no list of cells"),
        (notebook(*[code("1")] * 2001), "2,001 cells"),
        (notebook(code("x" * 4_000_001)), "longer than"),
        (b'{"nbformat": 3, "worksheets": 7}', "not JSON, or no notebook"),
    ],
)
def test_a_notebook_that_cannot_be_taken_says_why(handed_in, content, reason):
    (handed_in / f"{NAME}.ipynb").write_bytes(content)
    staged, _, _ = taken(handed_in)
    assert reason in staged["metadata"][UNREADABLE] and staged["cells"] == []


def test_a_notebook_that_is_no_file_is_refused_too(handed_in):
    path = handed_in / f"{NAME}.ipynb"
    path.rename(handed_in / "other.ipynb")
    (handed_in / "another.ipynb").write_bytes(notebook(code("2")))
    staged, _, notes = taken(handed_in)
    assert "no notebook of this name" in staged["metadata"][UNREADABLE]
    assert "other.ipynb" in notes[0] and staged["metadata"][NOTES] == notes
    path.symlink_to("/etc/hostname")
    assert "no plain file" in taken(handed_in)[0]["metadata"][UNREADABLE]
    path.unlink()
    path.mkdir()
    assert "no plain file" in taken(handed_in)[0]["metadata"][UNREADABLE]


def test_the_only_notebook_is_the_one_that_is_asked_for_whatever_its_name(handed_in):
    path, other = handed_in / f"{NAME}.ipynb", handed_in / f"{NAME} (1).ipynb"
    other.write_bytes(notebook(code("2")))
    staged, _, notes = taken(handed_in)
    assert "".join(staged["cells"][0]["source"]) == "1" and "not graded" in notes[0], "one has the name"
    path.unlink()
    staged, _, notes = taken(handed_in)
    assert "".join(staged["cells"][0]["source"]) == "2" and UNREADABLE not in staged["metadata"]
    assert notes == [f"The notebook was handed in under another name: '{NAME} (1).ipynb'."]
    other.unlink()
    other.symlink_to("/etc/hostname")
    assert "no plain file" in taken(handed_in)[0]["metadata"][UNREADABLE]


@pytest.mark.parametrize("when", ["", "yesterday or so", "9999-01-01 00:00:00 UTC", "1970-01-01 00:00:00 UTC", "\x00"])
def test_a_time_that_cannot_be_read_is_the_time_of_arrival(handed_in, when):
    (handed_in / "timestamp.txt").write_text(when)
    _, _, notes = taken(handed_in)
    assert "time of submission" in notes[0]
    given = (handed_in.parent / "staged" / "timestamp.txt").read_text()
    arrived = datetime.strptime(given, "%Y-%m-%d %H:%M:%S.%f UTC").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - arrived).total_seconds()) < 600


def test_a_fingerprint_knows_every_byte_and_name(tmp_path):
    (tmp_path / "a").write_text("1")
    first = intake.digest(tmp_path)
    assert first == intake.digest(tmp_path)
    (tmp_path / "a").write_text("2")
    second = intake.digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({first, second, intake.digest(tmp_path)}) == 3


MASTER = {
    "sum-answer": MasterCell("sum-answer", "code", False, "# YOUR CODE", "x", False, True, 0.0),
    "sum": MasterCell("sum", "code", True, "check()", "x", True, False, 2.0),
}


@pytest.mark.parametrize("name", ["x" * 200, "esc\x1b[2J", "tab\t", "lone\udcff"])
def test_a_name_that_no_database_or_terminal_takes_is_given_another(name):
    given = intake.identity(name)
    assert given.isprintable() and len(given) <= 128 and given[:3] == name[:3]
    assert given != intake.identity(given[:-1]) and given != intake.identity(name + "x")
    assert intake.identity(repr(name)[1:-1][:128]) != given
    assert intake.identity("päul [1]") == "päul [1]"


def test_of_two_cells_of_one_name_the_first_counts_and_hidden_tests_are_no_change():
    role = {"grade": True, "solution": False, "locked": True}
    master = MASTER | {"sum": dataclasses.replace(MASTER["sum"], source="check()\nhidden()", released="check()")}
    cells = [marked("sum = 1", grade_id="sum-answer"), marked("check()", grade_id="sum", **role)]
    rebuilt, flags = restore(new_notebook(cells=cells), master)
    assert flags == {} and rebuilt.cells[1].source == "check()\nhidden()"
    rebuilt, flags = restore(new_notebook(cells=[*cells, marked("100.0", grade_id="sum", **role)]), master)
    assert list(flags) == ["sum"] and "twice" in flags["sum"]
    assert [cell.source for cell in rebuilt.cells if cell.metadata.get("nbgrader")] == ["sum = 1", "check()\nhidden()"]


def marked(source: str, **data) -> dict:
    return new_code_cell(source, metadata={"nbgrader": data})


def test_points_and_texts_come_from_the_master():
    role = {"grade": True, "solution": False, "locked": True}
    given = new_notebook(
        cells=[marked("sum = 1", grade_id="sum-answer"), marked("mine", grade_id="sum", points=99, **role)]
    )
    rebuilt, flags = restore(given, MASTER)
    assert flags == {"sum": "the text of a check was changed"}
    check = rebuilt.cells[1]
    assert check.source == "check()" and check.metadata.nbgrader.points == 2.0 and rebuilt.cells[0].source == "sum = 1"


def test_a_reason_to_refuse_reaches_every_check():
    rebuilt, flags = restore(new_notebook(metadata={UNREADABLE: "it is a pipe"}), MASTER)
    assert flags == {"sum": "it is a pipe"} and rebuilt.metadata[UNREADABLE] == "it is a pipe"


@pytest.mark.parametrize(
    ("name", "stands"),
    [
        ("torch.py", True),
        ("sklearn.py", True),  # installed, and not imported here
        ("json.py", True),
        ("numpy.cpython-311.so", True),
        ("__main__.py", True),
        ("mine.py", False),
        ("torch.txt", False),
    ],
)
def test_a_file_in_a_librarys_place_is_known(name, stands):
    assert shadows(name) == stands


def zipped(path: Path, members: dict[str, bytes], link: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        if link:
            info = zipfile.ZipInfo(link)
            info.external_attr = 0o120777 << 16
            archive.writestr(info, "/etc/passwd")
    return path


def tarred(path: Path, member: tarfile.TarInfo, content: bytes = b"") -> Path:
    member.size = len(content)
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(member, io.BytesIO(content))
    return path


def link(kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo("x")
    info.type, info.linkname = kind, "/etc/passwd"
    return info


def bomb(depth: int) -> dict[str, bytes]:
    content = {"a.txt": b"x"}
    for _ in range(depth):
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w") as archive:
            for name, data in content.items():
                archive.writestr(name, data)
        content = {"a.zip": inner.getvalue()}
    return content


def spoilt(path: Path, at: int, new: bytes) -> Path:
    """An archive of one file, `new` written at byte `at` of that file's entries, in both places that describe it."""
    content = bytearray(zipped(path, {"x": bytes(range(256)) * 9}).read_bytes())
    listed = content.rfind(b"PK\x01\x02")
    content[at : at + len(new)] = new
    if at < 30:
        content[listed + at + 2 : listed + at + 2 + len(new)] = new
    path.write_bytes(content)
    return path


ARCHIVES = {
    "slip": (lambda p: zipped(p / "a.zip", {"../../x": b"1"}), "outside its folder"),
    "absolute": (lambda p: zipped(p / "a.zip", {"/tmp/dgm-slipped": b"1"}), "outside its folder"),
    "backslash": (lambda p: zipped(p / "a.zip", {"..\\x": b"1"}), "outside its folder"),
    "link": (lambda p: zipped(p / "a.zip", {}, link="x"), "a link"),
    "bomb": (lambda p: zipped(p / "a.zip", {"x": bytes(3_000_000)}), "unpacks to more than"),
    "many": (lambda p: zipped(p / "a.zip", {str(i): b"" for i in range(1001)}), "more than 1,000 files"),
    "nested": (lambda p: zipped(p / "a.zip", bomb(3)), "archives in archives"),
    "broken": (lambda p: p.joinpath("a.zip").write_bytes(b"PK") and p / "a.zip", ""),
    "damaged": (lambda p: spoilt(p / "a.zip", 31, b"\xff" * 9), ""),
    "other method": (lambda p: spoilt(p / "a.zip", 8, b"\x09\x00"), "compression method"),
    "patched": (lambda p: spoilt(p / "a.zip", 6, b"\x20"), ""),
    "tar slip": (lambda p: tarred(p / "a.tar.gz", tarfile.TarInfo("../x"), b"1"), "outside its folder"),
    "tar link": (lambda p: tarred(p / "a.tar.gz", link(tarfile.SYMTYPE)), "a link or a device"),
    "tar hard link": (lambda p: tarred(p / "a.tar.gz", link(tarfile.LNKTYPE)), "a link or a device"),
    "tar device": (lambda p: tarred(p / "a.tar.gz", link(tarfile.CHRTYPE)), "a link or a device"),
    "tar bomb": (lambda p: tarred(p / "a.tar.gz", tarfile.TarInfo("x"), bytes(3_000_000)), "unpacks to more than"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_that_is_refused_leaves_the_reason_and_nothing_else(tmp_path, monkeypatch, name):
    monkeypatch.setattr(collect, "MAX_UNPACKED", 2_000_000)
    archives, extracted = tmp_path / "archive", tmp_path / "extracted"
    archives.mkdir()
    make, reason = ARCHIVES[name]
    make(archives)
    zipped(archives / "honest.zip", {"sheet.ipynb": notebook(code("1")), "data/x.csv": b"1"})
    release = tmp_path / "release"
    release.mkdir()
    (release / "sheet.ipynb").write_text("{}")
    plugin = collect.PlainExtractor()
    monkeypatch.setattr(plugin, "_notebooks", lambda: ["sheet.ipynb"])
    plugin.extract(str(archives), str(extracted))
    files = sorted(str(path.relative_to(extracted)) for path in extracted.rglob("*") if path.is_file())
    assert files == ["a/sheet.ipynb", "honest/data/x.csv", "honest/sheet.ipynb"]
    with pytest.raises(intake.Refused, match="the archive was refused: .*" + reason):
        intake.notebook_of(extracted / "a" / "sheet.ipynb")
    assert not (tmp_path / "x").exists() and not Path("/tmp/dgm-slipped").exists()


def test_archives_in_archives_are_unpacked(tmp_path):
    collect.unpack(zipped(tmp_path / "a.zip", bomb(2)), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").rglob("*.txt")] == ["a.txt"]


def test_the_exchange_is_collected_plainly_and_by_its_own_time(tmp_path):
    source = tmp_path / "ann+sheet+2026-03-01 12:00:00.000000 UTC+x"
    source.mkdir()
    (source / "sheet.ipynb").symlink_to("/etc/hostname")
    (source / "key").symlink_to("/etc/hostname")
    (source / "timestamp.txt").write_text("1999-01-01 00:00:00 UTC")
    plugin = collect.PlainCollect.__new__(collect.PlainCollect)
    plugin.log = logging.getLogger("collect")
    plugin.do_copy(str(source), str(tmp_path / "got"))
    assert sorted(path.name for path in (tmp_path / "got").iterdir()) == ["sheet.ipynb", "timestamp.txt"]
    assert (tmp_path / "got" / "timestamp.txt").read_text().startswith("2026-03-01 12:00:00")
    with pytest.raises(intake.Refused, match="no plain file"):
        intake.notebook_of(tmp_path / "got" / "sheet.ipynb")
    for name, student in (("..+sheet+never+x", "unnamed"), ("odd", "odd"), ("a+b+sheet+2026-03-01 UTC+x", "a+b")):
        (tmp_path / name).mkdir()
        assert plugin._path_to_record(str(tmp_path / name))["username"] == student


def test_a_collection_that_was_cut_off_is_begun_again(tmp_path, monkeypatch):
    source = tmp_path / "ann+sheet+2026-03-01 12:00:00.000000 UTC+x"
    source.mkdir()
    for name in ("a.txt", "sheet.ipynb"):
        (source / name).write_text("{}")
    plugin = collect.PlainCollect.__new__(collect.PlainCollect)
    plugin.log = logging.getLogger("collect")

    def killed(path, content):
        if path.name == "sheet.ipynb":
            raise KeyboardInterrupt
        path.write_bytes(content)

    with monkeypatch.context() as patched:
        patched.setattr(collect, "write_bytes", killed)
        with pytest.raises(KeyboardInterrupt):
            plugin.do_copy(str(source), str(tmp_path / "sheet"))
    assert not (tmp_path / "sheet").exists()  # or nbgrader would take it for collected
    plugin.do_copy(str(source), str(tmp_path / "sheet"))
    assert sorted(path.name for path in (tmp_path / "sheet").iterdir()) == ["a.txt", "sheet.ipynb", "timestamp.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name, "sheet"]


def test_the_doctor_finds_what_holds_here(capsys):
    assert all(finding.holds for finding in doctor()) and len(doctor()) >= 7
    arguments = SimpleNamespace(doctor=True, json=True, notebook=None)
    assert commands.grade.run(arguments) == 0
    assert all(row["holds"] for row in json.loads(capsys.readouterr().out))


def test_the_doctor_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(confine.shutil, "which", lambda name: None)
    assert commands.grade.run(SimpleNamespace(doctor=True, json=True, notebook=None)) == 1
    assert "install the package `bubblewrap`" in capsys.readouterr().out
