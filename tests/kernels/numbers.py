"""How close is close: 1e-11 in float64, and what the length of the sums allows in float32."""

import torch
from torch import Tensor

EPSILON = 2.0**-23


def assert_close(found: Tensor, expected: Tensor, length: int = 1, scale: float | None = None) -> None:
    """``found`` within its precision of ``expected``, the float64 truth.

    Args:
        length: how many roundings one result passes through, at most: terms of its sums.
        scale: the size of what is summed, where that is more than the largest result.
    """
    scale = max(scale or 0.0, expected.abs().max().item()) if expected.numel() else 1.0
    tolerance = 1e-11 * max(1.0, scale) if found.dtype == torch.float64 else EPSILON * length * scale
    error = (found.double() - expected.double()).abs().max().item() if expected.numel() else 0.0
    assert found.shape == expected.shape
    assert error <= tolerance, f"off by {error:.3g}, allowed {tolerance:.3g} ({found.dtype}, length {length})"
