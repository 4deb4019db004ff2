"""Kernels in Triton's interpreter. Not collected by name: ../conftest.py runs each file in a process of its own.

By hand: ``pytest tests/kernels/interpreter/pairwise.py``.
"""

import os
import sys

if "triton" in sys.modules and os.environ.get("TRITON_INTERPRET") != "1":
    raise RuntimeError("Triton was imported before TRITON_INTERPRET=1 was set: run this file by itself")
os.environ["TRITON_INTERPRET"] = "1"
os.environ["DGM_BACKEND"] = "triton"
