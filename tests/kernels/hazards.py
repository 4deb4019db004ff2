"""Barriers that are missing between the threads of one program, found in Triton's code for the GPU (TTGIR).

The interpreter runs a program as one thread, to which a barrier is nothing. Compiled, its threads share the work: what
one writes to memory another may read too early, or overwrite what another has yet to read, unless a barrier that all
must reach lies between. The walk follows the program's order. What is open at the end of a loop's round meets the next
round, so a loop is walked until that changes nothing; it may also run never, and any branch may be the one not taken.
Memory is told apart by the argument that it belongs to, no finer: two parts of one argument are taken for one place.
Two writes to one place are not looked for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

NAME = re.compile(r"%[\w.$-]+")
MADE = re.compile(r"(%[\w.$-]+)\S* = (.*)")
LOOP = re.compile(r"\bscf\.(for|while)\b")
BARRIER = re.compile(r"gpu\.barrier|ttg\.barrier.* (all|global_read\|global_write)\b")
ACCESS = re.compile(r"\btt\.(load|store) (%[\w.$-]+)")
UNKNOWN = re.compile(r"\btt\.(atomic|descriptor)|\bttg\.async|\bttng\.")

Block = list["str | tuple[str, list[Block]]"]


@dataclass(frozen=True)
class Since:
    """The arguments whose memory was read and written since the last barrier."""

    read: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()

    def __or__(self, other: "Since") -> "Since":
        return Since(self.read | other.read, self.written | other.written)


def hazards(ttgir: str) -> list[str]:
    """A line for each read of what was written, and each write to what was read, since the last barrier.

    Raises:
        ValueError: code that this does not understand.
    """
    lines = (line.strip() for line in ttgir.splitlines())
    block, _ = _block(line if line.endswith("{") else re.sub(r" loc\(.*$", "", line) for line in lines)
    walk = _Walk()
    walk.through(block, Since())
    return list(dict.fromkeys(walk.found))


def _block(lines: Iterator[str]) -> tuple[Block, str]:
    """What stands before the brace that closes, with the blocks inside, and the closing line."""
    items = []
    for line in lines:
        if line.startswith("}"):
            return items, line
        if line.endswith("{"):
            regions, closing = [], "{"
            while closing.endswith("{"):  # } else {
                region, closing = _block(lines)
                regions.append(region)
            items.append((line, regions))
        else:
            items.append(line)
    return items, ""


class _Walk:
    def __init__(self):
        self.owners: dict[str, frozenset[str]] = {}  # a pointer's name: the arguments that it may point into
        self.found: list[str] = []

    def through(self, block: Block, since: Since) -> Since:
        for item in block:
            line, regions = (item, []) if isinstance(item, str) else item
            if line.startswith("tt.func"):
                self.owners = {name: frozenset([name]) for name in re.findall(r"(%\w+): !tt.ptr", line)}
            if LOOP.search(line):
                since = self._loop(line, regions, since)
            elif regions:
                ends = [self.through(region, since) for region in regions]
                since = since if len(regions) == 1 else Since()  # one branch may be left out
                for end in ends:
                    since |= end
            elif UNKNOWN.search(line):
                raise ValueError(f"not understood: {line}")
            elif BARRIER.search(line):
                since = Since()
            elif access := ACCESS.search(line):
                since = self._access(line, *access.groups(), since)
            if made := MADE.match(line):
                ends = [inner for region in regions for inner in region if "scf.yield" in inner]
                pointer = "tt.ptr" in line and "tt.load" not in line
                self.owners[made[1]] = self._of(NAME.findall(" ".join([made[2], *ends]))) if pointer else frozenset()
        return since

    def _loop(self, line: str, regions: list[Block], since: Since) -> Since:
        carried = re.findall(r"(%[\w.$-]+) = (%[\w.$-]+)", line.partition("iter_args")[2])
        given = [self._of([name]) for _, name in carried]
        before = None
        while before != (since, given):
            before = since, given
            self.owners |= {name: owners for (name, _), owners in zip(carried, given, strict=True)}
            after = since
            for region in regions:
                after = self.through(region, after)
            since |= after
            ends = NAME.findall(next((inner for inner in regions[-1][::-1] if "scf.yield" in inner), ""))
            given = [owners | self._of([end]) for owners, end in zip(given, ends, strict=True)]
        return since

    def _of(self, names: list[str]) -> frozenset[str]:
        return frozenset().union(*(self.owners.get(name, ()) for name in names))

    def _access(self, line: str, kind: str, pointer: str, since: Since) -> Since:
        owners = self.owners.get(pointer)
        if not owners:
            raise ValueError(f"whose memory? {line}")
        before, what = (since.written, "read") if kind == "load" else (since.read, "written")
        for owner in sorted(owners & before):
            other = {"read": "written", "written": "read"}[what]
            self.found.append(f"{owner} is {what}, and was {other} since the last barrier")
        return since | (Since(read=owners) if kind == "load" else Since(written=owners))
