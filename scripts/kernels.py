"""What the GPU kernels take when they are compiled, held against tests/kernels/lock: no GPU is needed.

    python scripts/kernels.py check [OPERATION ...]    compare; exit code 1 where something differs
    python scripts/kernels.py lock [OPERATION ...]     compile, and write what is found

Every kernel is compiled for sm_75, sm_80, sm_89 and sm_90. Whatever the lock says, no kernel may spill, and none may
take more than 48 KB of shared memory on sm_75: `lock` refuses to write such a thing. The lock holds for the pinned
Triton; `check --limits` looks at the limits alone, for any other.
"""

import argparse
import json
import sys
from pathlib import Path

from dgm_tutor.kernels.ahead import CAPABILITIES, SHARED_ON_TURING, operations, resources, variants

LOCKS = Path(__file__).resolve().parents[1] / "tests" / "kernels" / "lock"

Found = dict[str, dict[str, dict[str, int]]]


def compile_all(operation: str) -> Found:
    """{variant: {"sm_75": {"registers": ..., "spilled": ..., "shared": ...}, ...}}."""
    return {
        variant.name: {f"sm_{cc}": resources(variant, cc).as_dict() for cc in CAPABILITIES}
        for variant in variants(operation)
    }


def over_the_limits(found: Found) -> list[str]:
    """A line for each kernel that spills, or does not fit on a T4."""
    lines = []
    for name, by_chip in found.items():
        for chip, taken in by_chip.items():
            if taken["spilled"]:
                lines.append(f"{name} on {chip} spills {taken['spilled']} bytes a thread")
            if chip == "sm_75" and taken["shared"] > SHARED_ON_TURING:
                lines.append(f"{name} on {chip} takes {taken['shared']} bytes of shared memory, over 48 KB")
    return lines


def differences(found: Found, locked: Found) -> list[str]:
    """A line for each kernel and chip where the two differ."""
    cells = [
        {(name, chip): taken for name, chips in x.items() for chip, taken in chips.items()} for x in (found, locked)
    ]
    return [
        f"{name} on {chip}: the lock says {cells[1].get((name, chip))}, found {cells[0].get((name, chip))}"
        for name, chip in sorted(cells[0].keys() | cells[1].keys())
        if cells[0].get((name, chip)) != cells[1].get((name, chip))
    ]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["check", "lock"])
    parser.add_argument("operation", nargs="*", help=f"default: all of {', '.join(operations())}")
    parser.add_argument("--limits", action="store_true", help="look at the limits only, not at the lock")
    parser.add_argument("--locks", type=Path, default=LOCKS, help=argparse.SUPPRESS)
    args = parser.parse_intermixed_args(arguments)
    unknown = sorted(set(args.operation) - set(operations()))
    if unknown:
        parser.error(f"no kernels called {', '.join(unknown)}; there are: {', '.join(operations())}")
    wrong = []
    for operation in args.operation or operations():
        found, lock = compile_all(operation), args.locks / f"{operation}.json"
        bad = over_the_limits(found)
        if args.action == "lock" and not bad:
            lock.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        elif args.action == "check" and not args.limits:
            bad += differences(found, json.loads(lock.read_text(encoding="utf-8")) if lock.exists() else {})
        print(f"{operation}: {len(found)} kernels, {'; '.join(bad) or 'ok'}")
        wrong += bad
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
