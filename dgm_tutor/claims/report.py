"""Results for a terminal, a script and the documentation."""

import platform
from collections.abc import Sequence

import torch

from dgm_tutor.claims.run import Result


def as_text(result: Result) -> str:
    """What a terminal shows of one claim."""
    claim = result.claim
    width = max(map(len, result.figures))
    return "\n".join(
        [
            f"{claim.number}  {claim.statement}  [section {claim.section}]",
            *(f"    {name:<{width}}  {figure}" for name, figure in result.figures.items()),
            f"    paper: {claim.paper}",
            f"    {result.verdict.kind.upper()}: {result.verdict.why}",
            f"    {result.seconds:.0f} s of processor time, {_count(result)} seeds",
        ]
    )


def as_dict(result: Result) -> dict:
    """The same for ``--json``, with every seed's value."""
    return {
        "claim": result.claim.number,
        "section": result.claim.section,
        "statement": result.claim.statement,
        "paper": result.claim.paper,
        "figures": {
            name: {"mean": f.mean, "standard_error": f.standard_error, "values": f.values}
            for name, f in result.figures.items()
        },
        "verdict": result.verdict.kind,
        "why": result.verdict.why,
        "seconds": result.seconds,
    }


def as_markdown(results: Sequence[Result], command: str) -> str:
    """A page: a table of verdicts, then each claim with its numbers."""
    head = f"""# The lecture's claims, measured

`{command}`: torch {torch.__version__}, {platform.machine()}, {torch.get_num_threads()} threads. Means ± standard errors
over seeds; differences are taken seed by seed. *Confirmed* wants the same sign for every seed and a mean of more than
two standard errors. The experiments are small: a claim that is *not seen at this scale* may well hold at the paper's.

| claim | what is claimed | verdict |
| --- | --- | --- |
"""
    rows = [f"| [{r.claim.number}](#{_anchor(r)}) | {r.claim.statement} | {r.verdict.kind} |" for r in results]
    return head + "\n".join(rows) + "\n" + "".join(map(_section, results))


def _section(result: Result) -> str:
    claim = result.claim
    figures = "\n".join(f"| {name} | {figure} |" for name, figure in result.figures.items())
    return f"""
## {_title(result)}

{claim.statement} (section {claim.section})

| measured, {_count(result)} seeds | mean ± standard error |
| --- | --- |
{figures}

The paper: {claim.paper}

**{result.verdict.kind.capitalize()}.** {result.verdict.why} ({result.seconds:.0f} s of processor time)
"""


def _title(result: Result) -> str:
    return f"{result.claim.number}: {result.verdict.kind}"


def _anchor(result: Result) -> str:
    return _title(result).lower().replace(":", "").replace(" ", "-")


def _count(result: Result) -> int:
    return len(next(iter(result.figures.values())).values)
