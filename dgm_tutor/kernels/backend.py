"""Who does the work: plain torch, or a Triton kernel.

``DGM_BACKEND`` in the environment decides:

- unset or ``auto``: Triton where every tensor is on an NVIDIA GPU of compute capability 7.5 or newer and Triton is
  installed, else torch;
- ``torch``: torch, on every device;
- ``triton``: Triton, or a ``BackendError`` that says what is missing; never torch in its place. On the CPU, this takes
  Triton's interpreter (``TRITON_INTERPRET=1``, before the first kernel is used), which is for tests and for reading.
"""

import importlib.util
import os

import torch
from torch import Tensor

CHOICES = ("auto", "torch", "triton")
OLDEST = (7, 5)  # the oldest compute capability that the kernels are compiled for: Turing, a T4


class BackendError(RuntimeError):
    """DGM_BACKEND asks for what is not there; the message says what, and what to do."""


def backend(*tensors: Tensor, pays: bool = True) -> str:
    """ "torch" or "triton", for an operation on these tensors.

    Raises:
        BackendError: an unknown DGM_BACKEND, or DGM_BACKEND=triton where Triton cannot run.
    """
    choice = os.environ.get("DGM_BACKEND") or "auto"
    if choice not in CHOICES:
        raise BackendError(f"DGM_BACKEND={choice!r}: expected one of {', '.join(CHOICES)}")
    if choice == "torch" or (choice == "auto" and not pays):
        return "torch"
    obstacle = _obstacle(tensors)
    if obstacle is None:
        return "triton"
    if choice == "triton":
        raise BackendError(f"DGM_BACKEND=triton, but {obstacle}")
    return "torch"


def refuse(reason: str) -> None:
    """For an operation whose kernel cannot take these inputs: ``BackendError`` if Triton was asked for by name."""
    if os.environ.get("DGM_BACKEND") == "triton":
        raise BackendError(f"DGM_BACKEND=triton, but {reason}; unset it, or set DGM_BACKEND=torch")


def interpreted() -> bool:
    """Whether kernels run in Triton's interpreter, on the CPU, rather than compiled."""
    return os.environ.get("TRITON_INTERPRET", "0").lower() in ("1", "true", "yes", "on", "y")


def installed() -> bool:
    """Whether there is a Triton to import; looks, without importing it."""
    try:
        return importlib.util.find_spec("triton") is not None
    except ValueError:  # a module that is blocked, or half loaded
        return False


def _obstacle(tensors: tuple[Tensor, ...]) -> str | None:
    """Why Triton cannot run here, or None where it can."""
    if not installed():
        return "Triton is not installed: pip install triton (there is one for Linux only), or set DGM_BACKEND=torch"
    if interpreted():
        return None
    elsewhere = [str(tensor.device) for tensor in tensors if tensor.device.type != "cuda"]
    if elsewhere:
        return (
            f"a tensor is on {elsewhere[0]}: move the model and its data to a GPU, set DGM_BACKEND=torch, "
            "or set TRITON_INTERPRET=1 to run kernels in the interpreter"
        )
    if torch.version.cuda is None:
        return "this torch is not built for NVIDIA GPUs, the only ones the kernels are tested for"
    for tensor in tensors:
        found = torch.cuda.get_device_capability(tensor.device)
        if found < OLDEST:
            return f"{tensor.device} has compute capability {'.'.join(map(str, found))}; the kernels need 7.5 or newer"
    return None
