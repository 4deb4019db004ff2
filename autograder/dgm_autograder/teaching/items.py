"""Item analysis: how hard a question was, whether it tells the strong from the weak, which slip was commonest."""

from collections import Counter
from dataclasses import dataclass
from html import escape
from statistics import fmean, stdev

from dgm_autograder.teaching.course import Course, questions
from dgm_autograder.verdicts import found

TAIL = 0.27  # of the class, at either end: Kelley (1939)
FEW = 30  # students, below which discrimination says little


@dataclass(frozen=True)
class Item:
    """A question. `difficulty` is the mean share of its points (high is easy); the two kinds of discrimination compare
    it with the sum of the *other* questions: a correlation, and the mean share of the best 27 % less the worst 27 %'s.
    Both are None where a class says nothing: everyone alike, or fewer than three.
    """

    question: str
    students: int
    difficulty: float
    correlation: float | None
    upper_lower: float | None
    outcomes: dict[str, int]
    slips: dict[str, int]  # commonest first


def items(course: Course, assignment: str) -> list[Item]:
    """Every question of an assignment, in the sheet's order; marks that wait for a human are left out."""
    shares: dict[str, dict[str, float]] = {}
    outcomes: dict[str, Counter] = {}
    slips: dict[str, Counter] = {}
    with course.gradebook() as gradebook:
        known = found(gradebook.db)
        for submission in course.submissions(gradebook, assignment):
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    counted = grade.auto_score is not None or grade.manual_score is not None
                    if not counted or not grade.max_score:
                        continue
                    shares.setdefault(grade.name, {})[submission.student.id] = float(grade.score) / float(
                        grade.max_score
                    )
                    verdict = known.get(grade.id)
                    if verdict:
                        outcomes.setdefault(grade.name, Counter())[verdict["outcome"]] += 1
                        if verdict["slip"]:
                            slips.setdefault(grade.name, Counter())[verdict["slip"]] += 1
        order = {name: index for index, name in enumerate(questions(gradebook, assignment))}
    return [
        Item(
            name,
            len(shares[name]),
            fmean(shares[name].values()),
            *discrimination(shares, name),
            dict(outcomes.get(name, {})),
            dict(slips.get(name, Counter()).most_common()),
        )
        for name in sorted(shares, key=lambda name: order.get(name, len(order)))
    ]


def discrimination(shares: dict[str, dict[str, float]], name: str) -> tuple[float | None, float | None]:
    """(correlation with the rest, upper less lower); for marks of 0 and 1 the first is the point-biserial one."""
    own = shares[name]
    rest = {s: sum(marks.get(s, 0.0) for other, marks in shares.items() if other != name) for s in own}
    if len(own) < 3 or len(shares) < 2:
        return None, None
    ranked = sorted(own, key=lambda student: rest[student])
    tail = max(1, round(TAIL * len(ranked)))
    gap = fmean(own[s] for s in ranked[-tail:]) - fmean(own[s] for s in ranked[:tail])
    x, y = [own[s] for s in ranked], [rest[s] for s in ranked]
    if min(x) == max(x) or min(y) == max(y):
        return None, None
    mean_x, mean_y = fmean(x), fmean(y)
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / (len(x) - 1)
    return covariance / (stdev(x) * stdev(y)), gap


def few(items: list[Item]) -> bool:
    """Whether these are too few students for discrimination to say much."""
    return max((item.students for item in items), default=0) < FEW


def row(item: Item) -> dict:
    """What a terminal shows of an item."""
    slip, count = next(iter(item.slips.items()), ("", 0))
    return {
        "question": item.question,
        "students": item.students,
        "difficulty": round(item.difficulty, 3),
        "correlation": "" if item.correlation is None else round(item.correlation, 3),
        "upper-lower": "" if item.upper_lower is None else round(item.upper_lower, 3),
        "not attempted": item.outcomes.get("not attempted", 0),
        "commonest slip": f"{slip} ({count})" if slip else "",
    }


def page(assignment: str, items: list[Item]) -> str:
    """The analysis as a page of its own."""
    warning = f"<p><strong>Fewer than {FEW} students: read discrimination with care.</strong></p>"
    note = warning if few(items) else ""
    body = "\n".join(_row(item) for item in items)
    return PAGE.format(assignment=escape(assignment), note=note, body=body)


def _row(item: Item) -> str:
    slips = "".join(f"<li>{escape(name)} <b>× {count}</b></li>" for name, count in list(item.slips.items())[:3])
    outcomes = ", ".join(f"{count} {escape(name)}" for name, count in sorted(item.outcomes.items())) or "marked by hand"
    numbers = "".join(f"<td>{'–' if v is None else f'{v:+.2f}'}</td>" for v in (item.correlation, item.upper_lower))
    return (
        f'<tr><th scope="row">{escape(item.question)}</th><td>{item.students}</td>'
        f'<td><meter min="0" max="1" value="{item.difficulty:.3f}"></meter> {item.difficulty:.0%}</td>'
        f"{numbers}<td>{outcomes}</td><td><ol>{slips}</ol></td></tr>"
    )


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Item analysis: {assignment}</title><style>
body {{ font: 16px/1.4 system-ui, sans-serif; margin: 2em; color: #222; background: #fff }}
table {{ border-collapse: collapse }} th, td {{ text-align: left; padding: 0.4em 0.9em; border-bottom: 1px solid #ccc;
vertical-align: top }} meter {{ width: 7em }} ol {{ margin: 0; padding-left: 1.2em }}
</style></head><body><h1>Item analysis: {assignment}</h1>
<p>Difficulty is the mean share of the points: high is easy. Discrimination compares a question with the rest of the
sheet: its correlation with the other questions' sum, and the best 27 % less the worst 27 %. Near 0, or below, the
question does not tell who knows the subject: look at it.</p>{note}
<table><thead><tr><th scope="col">question</th><th scope="col">students</th><th scope="col">difficulty</th>
<th scope="col">correlation</th><th scope="col">upper − lower</th><th scope="col">verdicts</th>
<th scope="col">commonest slips</th></tr></thead><tbody>
{body}
</tbody></table></body></html>
"""
