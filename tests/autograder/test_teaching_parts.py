"""Parts of an instructor's desk by themselves: late days, pseudonyms, platforms' downloads, cells, discrimination."""

import csv
import io
import json
import os
import re
import stat
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from dgm_autograder import converters
from dgm_autograder.collect import PlainCollect
from dgm_autograder.pseudonyms import Pseudonyms
from dgm_autograder.teaching import backup, commands, late, lms, regrade, roster
from dgm_autograder.teaching.course import Course, nbgrader
from dgm_autograder.teaching.export import _wide, cell, export
from dgm_autograder.teaching.items import discrimination
from dgm_autograder.teaching.late import Policy, extensions, policy, term
from nbgrader.api import Gradebook

from dgm_tutor.cli import main as cli

NAME = "01-small"
SETTINGS = """
from pathlib import Path
from dgm_autograder.config import configure
c = get_config()
configure(c, Path(__file__).resolve().parent)
"""


def course(top: Path, more: str = "") -> Course:
    """A course with a released notebook and nothing else."""
    (top / "release" / NAME).mkdir(parents=True)
    (top / "release" / NAME / f"{NAME}.ipynb").write_text("{}")
    (top / "nbgrader_config.py").write_text(SETTINGS + more)
    return Course(top)


def submission(name: str, due: datetime, hours: float) -> SimpleNamespace:
    seconds = max(0.0, hours * 3600)
    return SimpleNamespace(name=name, assignment=SimpleNamespace(duedate=due), total_seconds_late=seconds)


def test_the_budget_goes_to_the_first_late_days_of_the_term():
    rules = Policy(None, budget=3, penalty=0.25, last=4, grace=10)
    start = datetime(2026, 3, 1)
    handed = [submission(f"a{i}", start + timedelta(weeks=i), late) for i, late in enumerate((25, 1 / 6, 26, 0.2, 97))]
    found = term(rules, handed[::-1])
    assert [(found[f"a{i}"].days, found[f"a{i}"].used, found[f"a{i}"].left) for i in range(5)] == [
        (2, 2, 3),
        (0, 0, 1),  # ten minutes of grace
        (2, 1, 1),
        (1, 0, 0),
        (5, 0, 0),  # after the last day: worth nothing, and costs no day
    ]
    too_late_first = term(rules, [submission("a", start, 97), submission("b", start + timedelta(weeks=1), 25)])
    assert (too_late_first["a"].used, too_late_first["b"].used, too_late_first["b"].left) == (0, 2, 3)
    assert rules.loss(8.0, days=2, left=1) == 2.0 and rules.loss(8.0, days=5, left=9) == 8.0
    assert rules.loss(8.0, days=2, left=2) == 0.0


def test_times_are_in_the_policys_zone_also_where_clocks_change(tmp_path):
    (tmp_path / "late.toml").write_text('timezone = "America/Los_Angeles"\n[due]\na = 2026-03-06T23:59:00\n')
    (tmp_path / "extensions.csv").write_text(
        "student,assignment,until\nann,a,2026-03-10 23:59\nbob,a,2026-03-10T12:00Z\n"
    )
    rules = policy(tmp_path)
    assert rules.due == {"a": datetime(2026, 3, 7, 7, 59)}
    assert extensions(tmp_path, rules.timezone) == {
        ("ann", "a"): datetime(2026, 3, 11, 6, 59),  # an hour earlier by UTC: summer time began on March 8
        ("bob", "a"): datetime(2026, 3, 10, 12, 0),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budget = 3", "give the time zone"),
        ('timezone = "Mars/Olympus"', "give the time zone"),
        ('timezone = "UTC"\nbudgets = 3', "unknown budgets"),
        ('timezone = "UTC"\npenalty = 25', "from 0 to 1"),
        ('timezone = "UTC"\n[due]\na = "tomorrow"', "is no time"),
        ("timezone =", "late.toml"),
    ],
)
def test_a_policy_that_is_not_one_is_refused(tmp_path, text, said):
    (tmp_path / "late.toml").write_text(text)
    with pytest.raises(ValueError, match=said):
        policy(tmp_path)


def test_pseudonyms_stay_are_private_and_lead_back(tmp_path):
    table = Pseudonyms(tmp_path / "private" / "names.csv")
    drawn = {student: table.of(student) for student in ("ann", "bob, jr", "ann")}
    assert drawn == {student: Pseudonyms(table.path).of(student) for student in drawn} and len(set(drawn.values())) == 2
    assert table.students() == {pseudonym: student for student, pseudonym in drawn.items()}
    assert not any("ann" in pseudonym or "bob" in pseudonym for pseudonym in table.students())
    assert stat.S_IMODE(table.path.stat().st_mode) == 0o600
    assert Pseudonyms(tmp_path / "others.csv").of("ann") not in table.students(), "it follows from the name"


def test_the_exchange_is_collected_under_pseudonyms(tmp_path):
    held = course(tmp_path / "course", f"c.PlainCollect.pseudonyms = {str(tmp_path / 'names.csv')!r}\n")
    collect = PlainCollect(coursedir=held.app.coursedir, config=held.config)
    record = collect._path_to_record(f"/x/ann+{NAME}+2026-03-01 12:00:00.000000 UTC+secret")
    assert record["username"].startswith("anon-") and roster.real(held) == {record["username"]: "ann"}


PACKED = {
    "canvas": {
        f"arborann_101_9001_{NAME}-1.ipynb": "ann",
        f"dejongbob_LATE_102_9002_{NAME}.ipynb": "bob",
        "arborann_101_9003_weights.safetensors": "weights",
        "readme.txt": "?",
    },
    "moodle": {
        f"Ann Arbor_101_assignsubmission_file_/{NAME} (1).ipynb": "ann",
        f"Bob de Jong_102_assignsubmission_file/{NAME}.ipynb": "bob",
        "Ann Arbor_101_assignsubmission_file_/weights.safetensors": "weights",
        "readme.txt": "?",
    },
    "blackboard": {
        f"Sheet_one_101_attempt_2026-03-05-12-00-00_{NAME}.ipynb": "old",
        f"Sheet_one_101_attempt_2026-03-06-12-00-00_{NAME}.ipynb": "ann",
        "Sheet_one_101_attempt_2026-03-06-12-00-00_weights.safetensors": "weights",
        "Sheet_one_101_attempt_2026-03-06-12-00-00.txt": "a receipt",
        f"Sheet_one_102_attempt_2026-03-06-12-00-00_{NAME}.ipynb": "bob",
        "readme.txt": "?",
    },
}


def pack(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


STRANGER = {"canvas": "102 (dejongbob)", "moodle": "102 (Bob de Jong)", "blackboard": "102"}


@pytest.mark.parametrize("platform", PACKED)
def test_a_platforms_download_becomes_submissions(tmp_path, platform):
    held = course(tmp_path / "course")
    (tmp_path / "course" / "roster.csv").write_text("id,lms_user_id\nann,101\ncat,103\n")
    people, archive = roster.roster(held), pack(tmp_path / "class.zip", PACKED[platform])
    told = lms.collect(held, NAME, archive, platform, people)
    assert told == {
        "collected": ["ann", "102"],
        "unchanged": [],
        "not on the roster": [STRANGER[platform]],
        "not understood": ["readme.txt"],
    }
    place = tmp_path / "course" / "submitted" / "ann" / NAME
    assert (place / f"{NAME}.ipynb").read_text() == "ann" and (place / "weights.safetensors").read_text() == "weights"
    assert (place / "timestamp.txt").is_file() == (platform == "blackboard")
    assert lms.collect(held, NAME, archive, platform, people)["unchanged"] == ["ann", "102"]
    newer = {name: "newer" if content == "ann" else content for name, content in PACKED[platform].items()}
    assert lms.collect(held, NAME, pack(tmp_path / "newer.zip", newer), platform, people)["collected"] == ["ann"]
    assert (place / f"{NAME}.ipynb").read_text() == "newer"
    old = list((tmp_path / "course" / "replaced" / "ann").rglob("*.ipynb"))
    assert [path.read_text() for path in old] == ["ann"], "what was replaced is kept"


def test_moodles_numbers_are_of_one_assignment_and_people_are_known_by_their_names(tmp_path):
    held = course(tmp_path / "course")
    (held.folder / "roster.csv").write_text(
        "id,first_name,last_name,lms_user_id\nann,Ann,O'Hara,7\nbob,Bob,de Jong,8\n"
        "x1,Kim,Lee,1\nx2,Kim,Lee,2\nfay,Fay,Wray,9\nanon,,,11\n"
    )
    people = roster.roster(held)
    handed = {"Ann OHara_8": "ann", "de Jong Bob_7": "bob", "Kim Lee_1": "?", "Zoe Zed_9": "?", "Some One_11": "anon"}
    files = {f"{name}_assignsubmission_file/{NAME}.ipynb": whose for name, whose in handed.items()}
    told = lms.collect(held, NAME, pack(tmp_path / "class.zip", files), "moodle", people)
    assert sorted(told["collected"]) == ["1", "9", "ann", "anon", "bob"]
    assert sorted(told["not on the roster"]) == ["1 (Kim Lee)", "9 (Zoe Zed)"]
    for student in ("ann", "bob", "anon"):
        assert (held.place("submitted", student, NAME) / f"{NAME}.ipynb").read_text() == student


def test_what_a_download_hides_is_refused_for_its_student_alone(tmp_path):
    held, inner = course(tmp_path / "course"), io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("../../out.txt", "out")
    files = {"a_101_1_work.zip": inner.getvalue(), f"b_102_1_{NAME}.ipynb": "bob", "c_103_1_..\\x.ipynb": "x"}
    told = lms.collect(held, NAME, pack(tmp_path / "class.zip", files), "canvas", {})
    assert told["collected"] == ["101", "102"] and told["not understood"] == ["c_103_1_..\\x.ipynb"]
    place = tmp_path / "course" / "submitted"
    assert "outside its folder" in (place / "101" / NAME / f"{NAME}.ipynb").read_text()
    assert not list(tmp_path.rglob("out.txt"))
    with pytest.raises(ValueError, match="not a zip file"):
        lms.collect(held, NAME, tmp_path / "course" / "nbgrader_config.py", "canvas", {})


def test_a_roster_says_what_is_wrong_with_it(tmp_path):
    held = course(tmp_path / "course")
    for text, said in (("name\nann\n", "a column id"), ("id\nann\nann\n", "there twice")):
        (tmp_path / "r.csv").write_text(text)
        with pytest.raises(ValueError, match=said):
            roster.roster(held, tmp_path / "r.csv")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_name_is_a_formula(name):
    assert cell(name) == f"'{name}"
    assert (cell("Ann = 1"), cell(-1.5), cell(2.0), cell("")) == ("Ann = 1", "-1.5", "2", "")


WIDE = {
    "canvas": [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "a", "B (7)"],
        ["    Points Possible", "", "", "", "", 4.0, 1.0],
        ["Arbor, Ann", "101", "ann", "ann", "", 3.5, ""],
        ["102", "102", "", "", "", 1.0, ""],
    ],
    "moodle": [
        ["Username", "ID number", "First name", "Last name", "Email address", "a", "B (7)"],
        ["ann", "101", "Ann", "Arbor", "a@x.edu", 3.5, ""],
        ["102", "102", "", "", "", 1.0, ""],
    ],
    "blackboard": [
        ["Last Name", "First Name", "Username", "Student ID", "a [Total Pts: 4 Score]", "B (7)"],
        ["Arbor", "Ann", "101", "ann", 3.5, ""],
        ["", "", "102", "102", 1.0, ""],
    ],
}


@pytest.mark.parametrize("platform", WIDE)
def test_columns_are_the_platforms_own(platform):
    ann = roster.Person("ann", first_name="Ann", last_name="Arbor", email="a@x.edu", lms_user_id="101")
    numbered = roster.Person("102", lms_user_id="102")  # who was collected under the platform's number
    marks, points = {("ann", "a"): {"score": 3.5}, ("102", "a"): {"score": 1.0}}, {"a": 4.0, "b": 1.0}
    assert _wide({"ann": ann, "102": numbered}, marks, points, platform, {"b": "B (7)"}) == WIDE[platform]


def graded(held: Course, scores: dict[str, float], name: str = NAME) -> None:
    """A gradebook with these scores of a question worth 5."""
    with Gradebook(held.db_url, "dgm-tutor") as gradebook:
        gradebook.add_assignment(name)
        gradebook.add_notebook("n", name)
        gradebook.add_grade_cell("q", "n", name, max_score=5, cell_type="code")
        for student, score in scores.items():
            gradebook.update_or_create_student(student)
            gradebook.add_submission(name, student, timestamp=datetime(2026, 3, 2, 11))
            gradebook.find_grade("q", "n", name, student).auto_score = score
        gradebook.db.commit()


def table(path: Path) -> list[list[str]]:
    with open(path, newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("platform", ["canvas", "moodle", "blackboard", "plain"])
def test_whoever_is_not_on_the_roster_is_in_no_row_that_a_platform_could_mistake(tmp_path, platform, capsys):
    held, output = course(tmp_path / "course"), tmp_path / "out.csv"
    (held.folder / "roster.csv").write_text("id,lms_user_id\nann,101\nfay,106\n")
    graded(held, {"ann": 4.0, "102": 3.0})
    code = cli(["class", "export", NAME, "--for", platform, "--output", str(output), "--course", str(held.folder)])
    said, told = capsys.readouterr()
    assert code == 0 and said == "" and f"Wrote {output}\n" in told and "1 not on the roster: 102" in told
    aside = tmp_path / "out-not-on-roster.csv"
    if platform == "plain":
        assert [(row[0], row[8]) for row in table(output)[1:]] == [("ann", "4"), ("fay", ""), ("102", "3")]
        assert not aside.exists() and str(aside) not in told
    else:
        assert not any("102" in row or "fay" in row for row in table(output)) and "4" in table(output)[-1]
        assert [(row[0], row[8]) for row in table(aside)[1:]] == [("102", "3")] and str(aside) in told


def test_who_is_in_the_exchange_is_compared_with_the_roster(tmp_path, monkeypatch, capsys):
    held = course(tmp_path / "course")
    monkeypatch.setattr(commands.Course, "nbgrader", lambda *_, **__: None)
    for student in ("ann", "mal"):
        held.place("submitted", student, NAME).mkdir(parents=True)
    asked = ["class", "collect", NAME, "--json", "--course", str(held.folder)]
    assert cli(asked) == 0
    assert [row["names"] for row in json.loads(capsys.readouterr().out)] == ["ann, mal"]
    (held.folder / "roster.csv").write_text("id\nann\nfay\n")
    assert cli(asked) == 1
    told = {row["what"]: row["names"] for row in json.loads(capsys.readouterr().out)}
    assert told == {"in submitted/": "ann, mal", "not on the roster": "mal", "not there": "fay"}


def test_a_small_class_and_an_empty_log_are_said(tmp_path, capsys):
    held = course(tmp_path / "course")
    graded(held, {"ann": 4.0, "bob": 3.0})
    here = ["--course", str(held.folder)]
    assert cli(["class", "items", NAME, "--output", str(tmp_path / "items.html"), *here]) == 0
    said, told = capsys.readouterr()
    assert said.split()[0] == "question" and told.startswith(f"Wrote {tmp_path / 'items.html'}\nFewer than 30 students")
    graded(held, {f"s{index:02d}": 1.0 for index in range(30)}, "02-other")
    assert cli(["class", "items", "02-other", *here]) == 0 and capsys.readouterr().err == ""
    for student, changes in (("ann", "1 change of marks on record\n"), ("mal", "0 changes of marks on record\n")):
        assert cli(["class", "audit", "--student", student, *here]) == 0 and capsys.readouterr().err == changes


def test_who_was_graded_since_a_copy_was_made_is_named_when_it_is_put_back(tmp_path, capsys):
    held = course(tmp_path / "course")
    graded(held, {"ann": 4.0, "bob": 3.0})
    copy = backup.backup(held)
    for student, later in (("ann", -60), ("bob", 60)):
        done = held.place("autograded", student, NAME) / converters.DONE
        done.parent.mkdir(parents=True)
        done.touch()
        os.utime(done, (copy.stat().st_mtime + later,) * 2)
    assert cli(["class", "restore", str(copy), "--course", str(held.folder)]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[1] == f"Graded after the copy was made, so it lacks their latest marks: bob ({NAME})"
    assert told[-1] == f"The gradebook is that of {copy}"


def test_cells_whose_import_takes_grades_away_are_named(tmp_path):
    held = course(tmp_path / "course")
    graded(held, {"ann": 4.0, "bob": 3.0})
    graded(held, {"ann": 2.0}, "02-other")
    told = export(held, [], "moodle", tmp_path / "out.csv", None, {})
    assert told["without a mark"] == ["bob (02-other)"] and told["handed nothing in"] == []


def test_an_unreadable_notebook_is_one_row_and_submissions_are_counted(tmp_path, capsys):
    held = course(tmp_path / "course")
    with Gradebook(held.db_url, "dgm-tutor") as gradebook:
        gradebook.add_assignment(NAME)
        gradebook.add_notebook("n", NAME)
        for name in ("split", "loss", "words"):
            gradebook.add_source_cell(name, "n", NAME, cell_type="code")
            gradebook.add_grade_cell(name, "n", NAME, max_score=1, cell_type="code")
            gradebook.add_solution_cell(name if name == "words" else f"{name}-answer", "n", NAME)
        for student, unread in (("ann", []), ("bob", ["loss"]), ("eva", ["split", "loss"])):
            gradebook.add_student(student)
            gradebook.add_submission(NAME, student)
            for name in ("split", "loss"):
                grade = gradebook.find_grade(name, "n", NAME, student)
                grade.auto_score, grade.needs_manual_grade = 0.0, name in unread
                if name in unread:
                    comment = gradebook.find_comment(f"{name}-answer", "n", NAME, student)
                    comment.auto_comment = "Flagged: it could not be read."
            gradebook.find_grade("words", "n", NAME, student).needs_manual_grade = student == "ann"
        gradebook.db.commit()
    asked = ["class", "flagged", NAME, "--course", str(held.folder)]
    assert cli(asked) == 0
    said, told = capsys.readouterr()
    rows = [re.split(r"  +", line)[:3] for line in said.strip().split("\n")[1:]]
    assert rows == [["bob", "loss", "it could not be read"], ["eva", "all 2", "it could not be read"]]
    assert told == "Of 3 submissions 2 flagged; 1 with a question marked by hand\n"
    assert cli([*asked, "--json"]) == 0
    assert [row["questions"] for row in json.loads(capsys.readouterr().out)] == [["loss"], ["split", "loss"]]


def test_whose_marks_are_not_in_the_gradebook_keeps_nobody_elses_page_back(tmp_path, monkeypatch, capsys):
    held = course(tmp_path / "course")
    graded(held, {"ann": 4.0})
    for student in ("ann", "bob", "cat"):  # bob's marks are gone with an older copy, cat's grading was broken off
        place = held.place("autograded", student, NAME)
        place.mkdir(parents=True)
        (place / "n.ipynb").write_text("{}")
        if student != "cat":
            (place / converters.DONE).touch()
    held.app.coursedir.assignment_id = NAME
    step = converters.ClassFeedback(coursedir=held.app.coursedir, config=held.config)
    step.init_notebooks()
    assert list(step.assignments) == [str(held.place("autograded", "ann", NAME))]
    log = [f"[App | WARNING] {student}: {converters.UNFINISHED}" for student in ("bob", "cat")]
    monkeypatch.setattr(commands.Course, "nbgrader", lambda *_, **__: ["[App | WARNING] odd", *log])
    assert cli(["class", "feedback", NAME, "--course", str(held.folder)]) == 1
    assert f"No new page for bob, cat: {converters.UNFINISHED}\n" in capsys.readouterr().err


def test_what_nbgrader_failed_of_is_read_last_and_once(tmp_path, monkeypatch, capsys):
    log = "[App | INFO] a file\n[App | WARNING] odd\n[App | CRITICAL] No room.\n"
    log += "[App | ERROR] Please see above\n[App | ERROR] nbgrader collect failed\n"
    done = SimpleNamespace(returncode=1, stderr=log)
    monkeypatch.setattr("dgm_autograder.teaching.course.subprocess.run", lambda *_, **__: done)
    with pytest.raises(RuntimeError, match="^nbgrader collect: No room.$"):
        nbgrader(tmp_path, "collect", "x", quiet=True)
    assert capsys.readouterr() == ("", "[App | WARNING] odd\n[App | ERROR] Please see above\n")
    done.stderr = "Traceback: oh\n"
    with pytest.raises(RuntimeError, match="`nbgrader collect x` failed; its log is above"):
        nbgrader(tmp_path, "collect", "x", quiet=True)
    assert capsys.readouterr().err == "Traceback: oh\n"


def test_a_platforms_number_is_exported_as_its_number_without_a_roster(tmp_path):
    held = course(tmp_path / "course")
    with Gradebook(held.db_url, "dgm-tutor"):
        pass  # as `generate_assignment` makes it
    archive = pack(tmp_path / "class.zip", {f"arborann_101_9001_{NAME}.ipynb": "ann"})
    assert lms.collect(held, NAME, archive, "canvas", roster.roster(held))["collected"] == ["101"]
    graded(held, {"101": 4.0})
    export(held, [NAME], "canvas", tmp_path / "out.csv", None, {})
    assert table(tmp_path / "out.csv")[2] == ["101", "101", "", "", "", "4"]


def test_discrimination_is_the_point_biserial_correlation_with_the_rest():
    strong = {f"s{i}": float(i >= 5) for i in range(10)}
    rest = {f"s{i}": i / 10 for i in range(10)}
    correlation, gap = discrimination({"a": strong, "b": rest}, "a")
    means = (0.7 - 0.2) / (sum((i / 10 - 0.45) ** 2 for i in range(10)) / 10) ** 0.5 * 0.5  # (M1 - M0) / s sqrt(pq)
    assert correlation == pytest.approx(means) and gap == 1.0
    against = {student: 1 - share for student, share in rest.items()}
    assert discrimination({"a": strong, "b": against}, "a") == (pytest.approx(-means), -1.0)
    assert discrimination({"a": dict.fromkeys(strong, 1.0), "b": rest}, "a") == (None, None)


def test_a_preview_of_other_marks_is_not_applied(tmp_path):
    held = course(tmp_path / "course")
    with Gradebook(held.db_url, "dgm-tutor") as gradebook:
        gradebook.add_assignment(NAME)
    shadow = held.folder / ".regrade" / NAME
    shadow.mkdir(parents=True)
    (shadow / "preview.json").write_text(json.dumps({"changes": [], "gradebook": "of other marks"}))
    with pytest.raises(ValueError, match="marks changed since the preview"):
        regrade.apply(held, NAME)


def test_anonymous_marks_are_exported_under_real_names(tmp_path):
    held = course(tmp_path / "course", f"c.PlainCollect.pseudonyms = {str(tmp_path / 'names.csv')!r}\n")
    (held.folder / "roster.csv").write_text("id,last_name\nann,Arbor\nbob,Dylan\n")
    (held.folder / "late.toml").write_text(f'timezone = "UTC"\npenalty = 0.5\n[due]\n{NAME} = 2026-03-01T12:00:00\n')
    (held.folder / "extensions.csv").write_text(f"student,assignment,until\nbob,{NAME},2026-03-09T00:00\n")
    names = roster.pseudonyms(held)
    graded(held, {names.of("ann"): 4.0, names.of("bob"): 3.0})
    with held.gradebook() as gradebook:
        rows = late.apply(gradebook, held.folder, roster.real(held))
    assert {row["student"]: row["days late"] for row in rows} == {names.of("ann"): 1, names.of("bob"): 0}
    told = export(held, [NAME], "plain", tmp_path / "out.csv", None, {})
    with open(tmp_path / "out.csv", newline="") as file:
        assert {row["student_id"]: row["score"] for row in csv.DictReader(file)} == {"ann": "2", "bob": "3"}
    assert told["not on the roster"] == told["handed nothing in"] == [] and told["waiting"] == [
        f"ann ({NAME})",
        f"bob ({NAME})",
    ]
    assert "anon-" not in (tmp_path / "out.csv").read_text()


def test_how_many_at_a_time_is_passed_on(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(commands, "_flagged", lambda course, given: 0)
    desk = SimpleNamespace(
        database=tmp_path / "gradebook.db", folder=tmp_path, nbgrader=lambda *words: said.append(words)
    )
    for jobs in (None, 3):
        assert commands._grade(desk, SimpleNamespace(assignment=NAME, jobs=jobs)) == 0
    assert said == [("autograde", NAME), ("autograde", NAME, "--ClassAutograde.jobs=3")]
