"""Operations that are worth a kernel of their own, each beside its definition in plain torch.

One folder an operation, each with the same five files:

- ``__init__.py``: the mathematics, and the names others use;
- ``oracle.py``: the definition in float64, by another formula than the rest, for tests: slow and plainly right;
- ``torch.py``: the twin, which is the CPU path and runs on every device;
- ``triton.py``: the kernels, how they are launched, what each launch reads and writes, and ``variants()``, what is
  compiled ahead of time; imported only where it is going to run, for there is no Triton on macOS and Windows;
- ``op.py``: the operation as a ``torch.library.custom_op``: which of the two runs (``backend``), shapes for
  ``torch.compile``, and the gradient.

Which one runs is decided call by call, by device and by ``DGM_BACKEND``; see ``dgm_tutor.kernels.backend``.
docs/kernels.md says what is proven, and how, on machines without a GPU.
"""
