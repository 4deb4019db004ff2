"""Run a claim over its seeds, keeping every seed's numbers, so that a run that was stopped goes on where it was."""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from dgm_tutor import files
from dgm_tutor.claims.claim import Claim, Figure, Verdict
from dgm_tutor.claims.code import fingerprint

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Result:
    """What was measured, what it says, and the seconds that it took (of the processor, all seeds)."""

    claim: Claim
    figures: dict[str, Figure]
    verdict: Verdict
    seconds: float


def run(
    claim: Claim, seeds: Sequence[int] = SEEDS, full: bool = False, keep: Path | None = None, progress: bool = False
) -> Result:
    """Measure the claim once a seed and judge it.

    Args:
        seeds: at least one; a spread needs at least two.
        full: the paper's steps and sizes, for a GPU.
        keep: a folder for each seed's numbers; those measured before, by the same code as far as this claim
            reaches it, are not measured again.
        progress: show a bar, a step a seed.

    Raises:
        ValueError: no seeds, or a number that is not finite (the experiment failed: no verdict is given).
    """
    if not seeds:
        raise ValueError("expected at least one seed")
    bar = tqdm(seeds, desc=claim.number, unit="seed", disable=not progress)
    records = [_measured(claim, seed, full, keep) for seed in bar]
    figures = {name: Figure(tuple(r["numbers"][name] for r in records)) for name in records[0]["numbers"]}
    return Result(claim, figures, claim.judge(figures), sum(record["seconds"] for record in records))


def _measured(claim: Claim, seed: int, full: bool, keep: Path | None) -> dict:
    path = keep and keep / f"{claim.number}_{'full_' if full else ''}seed={seed}.json"
    code = fingerprint(claim.measure.__module__)
    if path and path.exists() and (record := json.loads(path.read_text()))["code"] == code:
        return record
    start = time.process_time()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        numbers = {name: float(value) for name, value in claim.measure(seed, full).items()}
    if broken := [name for name, value in numbers.items() if not math.isfinite(value)]:
        raise ValueError(f"{claim.number}, seed {seed}: {', '.join(broken)} not finite")
    record = {"code": code, "seconds": time.process_time() - start, "numbers": numbers}
    if path:
        files.write_bytes(path, json.dumps(record, indent=2).encode())
    return record
