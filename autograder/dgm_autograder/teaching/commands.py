"""`dgm-tutor class ...`: an instructor's way from release to export, one command a step.

Exit codes: 0 done, 1 refused or something for the instructor to look at (a failed check, somebody left out), 2 wrong
usage. Results go to stdout; to stderr nbgrader's log, what was written, and last of all a sentence on what was done.
"""

import argparse
import os
import sys
from pathlib import Path

from dgm_tutor.cli.command import Command, add_json, show, wrote
from dgm_tutor.files import write_bytes

from dgm_autograder import audit, converters
from dgm_autograder.teaching import backup, check, export, items, late, lms, postgres, regrade, review, roster
from dgm_autograder.teaching.course import Course


def _assignment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("assignment", help="as NN-name")


def _with_json(parser: argparse.ArgumentParser) -> None:
    _assignment(parser)
    add_json(parser)


def _add_check(parser: argparse.ArgumentParser) -> None:
    _with_json(parser)
    parser.add_argument("--seeds", type=int, default=3, help="draws of the inputs for every banked answer (default: 3)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)")


def _check(course: Course, given: argparse.Namespace) -> int:
    findings = check.check(course, given.assignment, given.seeds, given.jobs)
    show([vars(finding) for finding in findings], given.json)
    return 0 if all(finding.holds for finding in findings) else 1


def _add_release(parser: argparse.ArgumentParser) -> None:
    _add_check(parser)
    parser.add_argument("--publish", action="store_true", help="put it into nbgrader's exchange, too")


def _release(course: Course, given: argparse.Namespace) -> int:
    if _check(course, given):
        raise RuntimeError("not released: a check above does not hold")
    course.nbgrader("generate_assignment", given.assignment, "--force", quiet=True)
    wrote(course.place("release", ".", given.assignment), "the students' notebook")
    if given.publish:
        course.nbgrader("release_assignment", given.assignment, "--force", quiet=True)
        _say(f"{given.assignment} is in nbgrader's exchange, too")
    return 0


def _add_collect(parser: argparse.ArgumentParser) -> None:
    _with_json(parser)
    parser.add_argument("--zip", type=Path, help="a learning platform's download (default: nbgrader's exchange)")
    parser.add_argument("--from", dest="platform", choices=sorted(lms.NAMES), help="the platform it is from")
    _add_roster(parser)


def _collect(course: Course, given: argparse.Namespace) -> int:
    if given.zip is None:
        told = _collected(course, given)
    elif given.platform is None:
        raise ValueError(f"say where {given.zip} is from: --from {', --from '.join(sorted(lms.NAMES))}")
    else:
        people = roster.roster(course, given.roster)
        told = lms.collect(course, given.assignment, given.zip, given.platform, people)
    show([{"what": what, "count": len(names), "names": ", ".join(names)} for what, names in told.items()], given.json)
    return 1 if told.get("not understood") or told.get("not on the roster") else 0


def _collected(course: Course, given: argparse.Namespace) -> dict[str, list[str]]:
    """From the exchange; who is there by now, and, by a roster, who should not be and who is not."""
    course.nbgrader("collect", given.assignment, "--update")
    submitted, names = course.folder / course.app.coursedir.submitted_directory, roster.real(course)
    folders = (path.parent.name for path in submitted.glob(f"*/{given.assignment}"))
    there = sorted(names.get(folder, folder) for folder in folders)
    if given.roster is None and not (course.folder / roster.FILE).is_file():
        return {"in submitted/": there}
    people = roster.roster(course, given.roster)
    strangers = [student for student in there if student not in people]
    return {"in submitted/": there, "not on the roster": strangers, "not there": sorted(set(people) - set(there))}


def _add_grade(parser: argparse.ArgumentParser) -> None:
    _with_json(parser)
    parser.add_argument("--jobs", type=int, help="submissions at a time (default: as many as cores and memory allow)")


def _grade(course: Course, given: argparse.Namespace) -> int:
    if given.jobs is not None and given.jobs < 1:
        raise ValueError(f"--jobs {given.jobs}: expected a number of submissions at a time, 1 or more")
    if course.database is None or course.database.is_file():
        try:
            wrote(backup.backup(course, label="-before-grading"), "the gradebook as it was")
        except postgres.Missing as error:
            _say(f"Not backed up: {error}")
    jobs = [] if given.jobs is None else [f"--ClassAutograde.jobs={given.jobs}"]
    course.nbgrader("autograde", given.assignment, *jobs)
    if late.policy(course.folder):
        with course.gradebook() as gradebook:
            late.apply(gradebook, course.folder, roster.real(course))
    return _flagged(course, given)


def _flagged(course: Course, given: argparse.Namespace) -> int:
    found = review.waiting(course, given.assignment)
    flagged = review.flagged(found)
    show([vars(one) if given.json else one.row() for one in flagged], given.json)
    with course.gradebook() as gradebook:
        everyone = _count(len(course.submissions(gradebook, given.assignment)), "submission")
    looked_at = {one.student for one in flagged}
    by_hand = {one.student for one in found if one not in flagged}
    _say(f"Of {everyone} {len(looked_at)} flagged; {len(by_hand)} with a question marked by hand")
    return 0


def _add_feedback(parser: argparse.ArgumentParser) -> None:
    _assignment(parser)
    parser.add_argument("--publish", action="store_true", help="put the pages into nbgrader's exchange, too")


def _feedback(course: Course, given: argparse.Namespace) -> int:
    log = course.nbgrader("generate_feedback", given.assignment, quiet=True)
    folder = course.folder / course.app.coursedir.feedback_directory
    pages = _count(len(list(folder.glob(f"*/{given.assignment}/*.html"))), "page")
    wrote(folder, f"{pages} for {given.assignment}")
    if given.publish:
        course.nbgrader("release_feedback", given.assignment, quiet=True)
        _say(f"{pages} in nbgrader's exchange, too")
    left = [entry.split("] ", 1)[1].split(": ")[0] for entry in log if entry.endswith(converters.UNFINISHED)]
    if left:
        _say(f"No new page for {', '.join(left)}: {converters.UNFINISHED}")
    return 1 if left else 0


def _add_roster(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--roster", type=Path, help=f"who is in the class (default: {roster.FILE}, or the gradebook)")


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("assignment", nargs="*", help="as NN-name (default: all)")
    parser.add_argument("--for", dest="platform", choices=export.PLATFORMS, default="plain", help="whose columns")
    parser.add_argument("--output", type=Path, help="the file (default: grades-PLATFORM.csv)")
    parser.add_argument("--title", action="append", default=[], metavar="NAME=TITLE", help="how the platform calls it")
    _add_roster(parser)


def _export(course: Course, given: argparse.Namespace) -> int:
    if wrong := [title for title in given.title if "=" not in title]:
        raise ValueError(f"--title {wrong[0]!r}: expected NAME=TITLE, such as '10-beta-vae=Homework 3 (12345)'")
    output = given.output or Path(f"grades-{given.platform}.csv")
    titles = dict(title.split("=", 1) for title in given.title)
    if late.policy(course.folder):
        with course.gradebook() as gradebook:
            rows = late.apply(gradebook, course.folder, roster.real(course), write=False)
        if any(row["penalty"] != row["penalty before"] for row in rows):
            _say("Penalties are not those of late.toml and the marks: run `dgm-tutor class late --apply`")
    told = export.export(course, given.assignment, given.platform, output, given.roster, titles)
    wrote(output)
    where = {} if given.platform == "plain" else ELSEWHERE
    for what, names in told.items():
        if names:
            _say(f"{len(names)} {what}: {', '.join(names)}{where.get(what, '').format(aside=export.aside(output))}")
    return 0


ELSEWHERE = {  # than in a platform's file
    "not on the roster": ". Their marks are in {aside}; add them to the roster, and export again",
    "handed nothing in": ". They have no row, so that nothing is changed for them",
    "without a mark": ". Their cells are empty, which may take a grade away that stands there: export one by one",
}


def _add_regrade(parser: argparse.ArgumentParser) -> None:
    _with_json(parser)
    parser.add_argument("--apply", action="store_true", help="take over what the last preview showed")


def _regrade(course: Course, given: argparse.Namespace) -> int:
    if given.apply:
        changes, kept = regrade.apply(course, given.assignment)
        wrote(kept, "the gradebook as it was")
    else:
        changes = regrade.preview(course, given.assignment)
    show([vars(change) for change in changes], given.json)
    students = {change.student for change in changes if change.score_before != change.score_after}
    what = f"{_count(len(changes), 'automatic mark')}, and with them the scores of {_count(len(students), 'student')}"
    if not changes:
        _say("No mark changes")
    elif given.apply:
        _say(f"Changed: {what}")
    else:
        _say(f"Would change: {what}. Nothing is changed yet: `dgm-tutor class regrade {given.assignment} --apply` does")
    return 0


def _add_items(parser: argparse.ArgumentParser) -> None:
    _with_json(parser)
    parser.add_argument("--output", type=Path, help="also write a page, with every slip, to this HTML file")


def _items(course: Course, given: argparse.Namespace) -> int:
    found = items.items(course, given.assignment)
    show([vars(item) if given.json else items.row(item) for item in found], given.json)
    if given.output:
        wrote(write_bytes(given.output, items.page(given.assignment, found).encode()))
    if items.few(found):
        _say(f"Fewer than {items.FEW} students: read correlation and upper-lower with care")
    return 0


def _add_late(parser: argparse.ArgumentParser) -> None:
    add_json(parser)
    parser.add_argument("--apply", action="store_true", help="write due dates, extensions and penalties")


def _late(course: Course, given: argparse.Namespace) -> int:
    with course.gradebook() as gradebook:
        rows = late.apply(gradebook, course.folder, roster.real(course), write=given.apply)
    show(rows, given.json)
    if not rows:
        _say("Nobody is late by the hand-in times in the gradebook, and nobody has an extension")
    if given.apply:
        _say("The gradebook has these due dates, extensions and penalties")
    elif any(row["penalty"] != row["penalty before"] for row in rows):
        _say("Nothing is changed yet: `dgm-tutor class late --apply` does")
    return 0


def _add_audit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("assignment", nargs="?", help="as NN-name (default: all)")
    parser.add_argument("--student", help="only this one")
    add_json(parser)


def _audit(course: Course, given: argparse.Namespace) -> int:
    with course.gradebook() as gradebook:
        rows = audit.changes(gradebook, given.assignment, given.student)
    show(rows, given.json)
    _say(f"{_count(len(rows), 'change')} of marks on record")
    return 0


def _add_backup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", type=Path, help=f"the folder for copies (default: {backup.FOLDER}/ of the course)")


def _backup(course: Course, given: argparse.Namespace) -> int:
    wrote(backup.backup(course, given.to), "the gradebook")
    return 0


def _add_restore(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("copy", type=Path, help="what `dgm-tutor class backup` made")


def _restore(course: Course, given: argparse.Namespace) -> int:
    wrote(backup.restore(course, given.copy), "the gradebook as it was")
    if since := backup.graded_since(course, given.copy):
        _say(f"Graded after the copy was made, so it lacks their latest marks: {', '.join(since)}")
        _say("To have them anew: `nbgrader autograde NN-name --student ID --force`")
    _say(f"The gradebook is that of {given.copy}")
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


STEPS = (
    Command("check", "Solutions pass, stubs fail, wrong answers fail: is it fit to be released?", _add_check, _check),
    Command("release", "Check an assignment, then make the students' notebook.", _add_release, _release),
    Command("collect", "Collect submissions: from the exchange, or a platform's zip.", _add_collect, _collect),
    Command("grade", "Back up, grade everyone not yet graded, list who is flagged.", _add_grade, _grade),
    Command("flagged", "Who needs a human to look, and why.", _with_json, _flagged),
    Command("feedback", "Make everyone's feedback page.", _add_feedback, _feedback),
    Command("export", "Marks as CSV for Canvas, Moodle, Blackboard or a spreadsheet.", _add_export, _export),
    Command("regrade", "Grade again after a check was fixed: who changes, before anyone does.", _add_regrade, _regrade),
    Command("items", "How hard each question was, and which slip was commonest.", _add_items, _items),
    Command("late", "Late days, extensions and penalties, by late.toml and extensions.csv.", _add_late, _late),
    Command("audit", "Every change of every mark: when, who, by what, from, to.", _add_audit, _audit),
    Command("backup", "Copy the gradebook, verified and dated.", _add_backup, _backup),
    Command("restore", "Put a copy back; what it replaces is kept.", _add_restore, _restore),
)


def _add_class(parser: argparse.ArgumentParser) -> None:
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    for step in STEPS:
        subparser = steps.add_parser(step.name, help=step.help, description=step.help)
        subparser.add_argument("--course", type=Path, help="the course's folder (default: the nearest)")
        step.add_arguments(subparser)
        subparser.set_defaults(do=step.run)


def _class(given: argparse.Namespace) -> int:
    return given.do(Course(given.course), given)


CLASS = Command("class", __doc__, _add_class, _class)
