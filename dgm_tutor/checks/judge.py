"""From the replies of an exercise's probes to a verdict: one of four outcomes, and the slip where it is known."""

from dataclasses import dataclass

import torch

from dgm_tutor.checks import wire
from dgm_tutor.checks.compare import Expected, fault
from dgm_tutor.checks.symptom import symptom

OPEN = (
    "Nothing here yet. Write your answer in its cell, run that cell, then check again. (With `raise "
    "NotImplementedError()` still in it, it counts as not written.)"
)
OUTCOMES = ("not attempted", "raised", "wrong", "right")


@dataclass(frozen=True)
class Probe:
    """The function `name` of `source`, run on an answer and inputs. `random`: its outputs are draws.

    `says` is the advice when it fails and no slip explains it; `share` its part of the exercise's points. Where there
    is a `measure`, it is a function's source and name: what the probe returned is handed to `measure(data, inputs)`
    in the judging process, and its outputs are compared.
    """

    name: str
    source: str
    says: str
    share: float = 1.0
    random: bool = False
    measure: tuple[str, str] | None = None


@dataclass(frozen=True)
class Slip:
    """A known mistake: its name, what to tell the one who made it, and who made it before."""

    name: str
    says: str
    source: str


@dataclass(frozen=True)
class Case:
    """A probe with its inputs (wire text), what right answers give, and what each slip gives (or its error)."""

    probe: Probe
    inputs: str
    seed: int
    expected: dict[str, Expected]
    slips: dict[str, dict[str, Expected] | str]


@dataclass(frozen=True)
class Reply:
    """What a probe said: `status` (ok, raised, not attempted, refused), its data, a message."""

    status: str
    data: dict[str, object]
    message: str = ""

    @property
    def error(self) -> str:
        """What went wrong, without the line of the answer where it did; the status where there is no more to say."""
        return self.message.split(" (your line ")[0] or self.status


@dataclass(frozen=True)
class Verdict:
    """`outcome`, the share of the points earned (0 to 1), what to tell the student, the slip's name or None."""

    outcome: str
    share: float
    message: str
    slip: str | None = None


def read(text: str) -> Reply:
    """The reply in `text`; anything malformed is a `refused` reply, never an error."""
    try:
        reply = wire.loads(text)
    except wire.WireError as error:
        return Reply("refused", {}, f"the reply was refused: {error}")
    status = reply.get("status") if isinstance(reply, dict) else None
    data = reply.get("data", {}) if isinstance(reply, dict) else None
    if status not in ("ok", "raised", "not attempted") or not isinstance(data, dict):
        return Reply("refused", {}, "the reply was refused: it is not a probe's")
    return Reply(status, data, str(reply.get("message", ""))[:1000])


def unfit(reply: Reply) -> str:
    """Why a reply is no data to judge by, or nothing: refused, not a number, not finite."""
    if reply.status == "refused":
        return reply.message
    for name, value in reply.data.items():
        try:
            finite = torch.as_tensor(value, dtype=torch.float64).isfinite().all()
        except (TypeError, ValueError, RuntimeError):
            return f"{name} is not a number"
        if not finite:
            return f"{name} is not finite"
    return ""


def measured(probe: Probe, reply: Reply, inputs: str) -> Reply:
    """The reply after the probe's measure, if it has one; data that cannot be measured is an error of the answer."""
    if probe.measure is None or reply.status != "ok":
        return reply
    source, name = probe.measure
    namespace: dict = {"__name__": "measure"}
    exec(compile(source, "<measure>", "exec"), namespace)
    try:
        return Reply("ok", namespace[name](reply.data, wire.loads(inputs)))
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        return Reply("raised", {}, f"{type(error).__name__}: {error}"[:600])


def judge(cases: list[Case], replies: list[Reply], slips: dict[str, Slip]) -> Verdict:
    """The verdict on one exercise.

    A probe earns its share by a reply that agrees in every output, and only after those before it: what a wrong
    answer earns does not hang on whether a later, weaker probe happens to see the mistake.
    """
    replies = [
        _whole(case, measured(case.probe, reply, case.inputs)) for case, reply in zip(cases, replies, strict=True)
    ]
    comparisons = sum(expected.size for case in cases for expected in case.expected.values())
    faults = [_fault(case, reply, comparisons) for case, reply in zip(cases, replies, strict=True)]
    total = sum(case.probe.share for case in cases)
    if not any(faults):
        return Verdict("right", 1.0, "Everything that was compared agrees with right answers.")
    first = next(index for index, wrong in enumerate(faults) if wrong)
    share = sum(case.probe.share for case in cases[:first]) / total
    status = replies[first].status
    if status == "not attempted":
        return Verdict("not attempted", share, OPEN)
    slip = _slip(cases, replies, slips, comparisons)
    if slip is not None:
        return Verdict("wrong" if status == "ok" else "raised", share, slip.says, slip.name)
    if status == "ok":
        return Verdict("wrong", share, _advice(cases, replies, first, faults[first], comparisons))
    return Verdict("raised", share, replies[first].message)


def _fault(case: Case, reply: Reply, comparisons: int) -> str | None:
    """Why the reply earns nothing, or None."""
    if reply.status != "ok":
        return reply.status
    if not case.expected:
        return "There is nothing to compare it with."
    for output, expected in case.expected.items():
        if output not in reply.data or fault(reply.data[output], expected, comparisons):
            return f"{output.replace('_', ' ').capitalize()} is off."
    return None


def _whole(case: Case, reply: Reply) -> Reply:
    """The reply; refused with fewer draws than were asked for, or than right answers give, which would prove less."""
    if not case.probe.random or reply.status != "ok":
        return reply
    asked = wire.loads(case.inputs).get("draws", 0)
    for output, expected in case.expected.items():
        given = reply.data.get(output)
        listed = isinstance(given, list) or (isinstance(given, torch.Tensor) and given.ndim)
        if listed and len(given) < min(asked, expected.draws):
            return Reply("refused", {}, f"{len(given)} draws of the {output.replace('_', ' ')}; asked were {asked}")
    return reply


def _advice(cases: list[Case], replies: list[Reply], first: int, wrong: str, comparisons: int) -> str:
    """What to tell where no slip explains the replies: how far the checks went, the symptom, or the probe's advice."""
    case = cases[first]
    seen = symptom(replies[first].data, case.expected, comparisons) if case.expected else None
    if first:
        return f"{first} of {len(cases)} checks passed, the next did not. {seen or wrong} {case.probe.says}"
    return seen or f"{wrong} {case.probe.says}"


def _slip(cases: list[Case], replies: list[Reply], slips: dict[str, Slip], comparisons: int) -> Slip | None:
    """The slip that explains every reply; of several the one with the least spread, which says most."""
    explaining = [
        slip
        for slip in slips.values()
        if all(_explains(case, reply, slip.name, comparisons) for case, reply in zip(cases, replies, strict=True))
    ]
    return min(explaining, key=lambda slip: _spread(cases, slip.name), default=None)


def _spread(cases: list[Case], slip: str) -> float:
    given = [case.slips[slip] for case in cases if isinstance(case.slips[slip], dict)]
    return sum(float(e.sd.sum()) for outputs in given for e in outputs.values() if e.sd is not None)


def _explains(case: Case, reply: Reply, slip: str, comparisons: int) -> bool:
    given = case.slips.get(slip)
    if given is None or isinstance(given, str):
        return reply.status != "ok" and given == reply.error
    return reply.status == "ok" and all(
        output in reply.data and _same(fault(reply.data[output], expected, comparisons), expected)
        for output, expected in given.items()
    )


def _same(fault: str | None, expected: Expected) -> bool:
    """Whether an output is the slip's: it agrees, or neither is finite."""
    return fault is None if expected.mean.isfinite().all() else fault == "not finite"
