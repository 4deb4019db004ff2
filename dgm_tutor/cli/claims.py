"""``dgm-tutor claims``: what the lecture claims, measured here."""

import argparse
import json
import sys
from pathlib import Path

from dgm_tutor.cli.command import Command, wrote


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("numbers", nargs="*", metavar="CLAIM", help="which, such as C5 C13 (default: all)")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, 2 or more (default 3)")
    parser.add_argument("--full", action="store_true", help="the papers' steps and sizes, for a GPU")
    parser.add_argument("--keep", type=Path, default=Path("runs/claims"), help="each seed's numbers (runs/claims)")
    parser.add_argument("--output", type=Path, help="also write the table to this Markdown file")
    parser.add_argument("--json", action="store_true", help="print the result as JSON, for scripts")


def _run(args: argparse.Namespace) -> int:
    from dgm_tutor import claims, files
    from dgm_tutor.claims.report import as_dict, as_markdown, as_text

    if args.seeds < 2:
        raise ValueError(f"--seeds {args.seeds}: expected at least 2, for one seed shows no spread")
    chosen = [claims.get(number) for number in args.numbers or claims.names()]
    results, failed = [], []
    for claim in chosen:
        try:
            results.append(claims.run(claim, range(args.seeds), args.full, args.keep, progress=not args.json))
        except (ValueError, RuntimeError) as error:  # an experiment that broke takes no other one with it
            print(f"dgm-tutor claims: {claim.number} gives no verdict: {error}", file=sys.stderr)
            failed.append(claim.number)
            continue
        if not args.json:
            print(as_text(results[-1]), end="\n\n", flush=True)
    if args.json:
        print(json.dumps([as_dict(result) for result in results], indent=2))
    if args.output:
        command = " ".join(["dgm-tutor claims", *args.numbers, f"--seeds {args.seeds}", *["--full"] * args.full])
        wrote(files.write_bytes(args.output, as_markdown(results, command).encode()))
    return 1 if failed else 0


CLAIMS = Command("claims", "Measure what the lecture claims, C1 to C21, with verdicts.", _arguments, _run)
