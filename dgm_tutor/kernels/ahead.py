"""Kernels compiled ahead of time, for GPUs that are not there: registers, spills and shared memory.

Triton lowers a kernel to PTX without a driver, and brings NVIDIA's assembler, which prints what the machine code takes.
Not for a process with TRITON_INTERPRET set: there, kernels are plain Python.
"""

import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from dgm_tutor import kernels
from dgm_tutor.kernels.backend import interpreted

CAPABILITIES = (75, 80, 89, 90)  # T4; A100; L4 and RTX 40; H100
AS_TRITON_DOES = ("--regAllocOptLevel=2",)  # its option to the assembler, lest other code be measured than runs
SHARED_ON_TURING = 48 * 1024  # bytes that a block may have on sm_75 without asking for more


@dataclass(frozen=True)
class Variant:
    """A kernel as it is launched: ``kernel`` a ``triton.jit`` function, its arguments' types ("*fp32", "i32") and its
    constexprs by name, and how many warps share a program."""

    name: str
    kernel: Any
    types: Mapping[str, str]
    constants: Mapping[str, Any]
    warps: int = 4
    stages: int = 1
    most_registers: int | None = None
    """None leaves them to the assembler, which may rather spill than let fewer programs run at once."""
    aligned: tuple[str, ...] = field(default=())
    """Pointers that may be assumed to be multiples of 16 bytes, as a launch assumes of torch's tensors."""


@dataclass(frozen=True)
class Resources:
    """What a program takes: 32-bit registers a thread, bytes spilled to memory by a thread, bytes of shared memory."""

    registers: int
    spilled: int
    shared: int

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def operations() -> list[str]:
    """The names of the operations that have kernels."""
    packages = [module.name for module in iter_modules(kernels.__path__) if module.ispkg]
    folders = [Path(folder) for folder in kernels.__path__]
    return [name for name in packages if any((folder / name / "triton.py").exists() for folder in folders)]


def variants(operation: str) -> list[Variant]:
    """What the operation compiles ahead of time: its kernels, at the sizes they are launched with."""
    return import_module(f"dgm_tutor.kernels.{operation}.triton").variants()


def resources(variant: Variant, capability: int) -> Resources:
    """Compile for a compute capability (75, 80, ...) and read what the assembler says.

    Raises:
        RuntimeError: in a process whose kernels are interpreted, or where the assembler fails.
    """
    if interpreted():
        raise RuntimeError("TRITON_INTERPRET is set, and interpreted kernels cannot be compiled: unset it")
    compiled = _compiled(variant, capability)
    registers, spilled = _assembled(compiled.asm["ptx"], capability)
    return Resources(registers, spilled, compiled.metadata.shared)


def code(variant: Variant, capability: int) -> Mapping[str, str | bytes]:
    """What the compiler makes of it, by stage: "ttir", "ttgir" (for a GPU's threads), "llir", "ptx", "cubin"."""
    return _compiled(variant, capability).asm


def _compiled(variant: Variant, capability: int):
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    types = {name: variant.types.get(name, "constexpr") for name in variant.kernel.arg_names}
    indices = {name: i for i, name in enumerate(variant.kernel.arg_names)}
    attributes = {(indices[name],): [["tt.divisibility", 16]] for name in variant.aligned}
    source = ASTSource(
        variant.kernel, types, {(indices[name],): v for name, v in variant.constants.items()}, attributes
    )
    options = {"num_warps": variant.warps, "num_stages": variant.stages, "maxnreg": variant.most_registers}
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)


def _assembled(ptx: str, capability: int) -> tuple[int, int]:
    """Registers and spilled bytes a thread (stores and loads together), from ``ptxas -v``."""
    from triton.backends.nvidia.compiler import get_ptxas  # newer Tritons bring two, for old chips and for new ones

    target = re.search(r"^\.target\s+(\S+?),?\s", ptx, re.MULTILINE)[1].rstrip(",")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "kernel.ptx"
        source.write_text(ptx)
        files = [str(source), "-o", str(Path(folder) / "out")]
        command = [get_ptxas(capability).path, "-v", *AS_TRITON_DOES, f"--gpu-name={target}", *files]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"ptxas failed:\n{done.stderr}")
    registers = int(re.search(r"Used (\d+) registers", done.stderr)[1])
    spills = re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", done.stderr)
    return registers, int(spills[1]) + int(spills[2])
