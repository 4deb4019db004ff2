"""What an operation says of tensors that do not fit it."""

from torch import Tensor


def expect(what: str, fit: bool, *tensors: Tensor) -> None:
    """Nothing where the tensors ``fit`` and are of one float type; else ValueError: what was expected, what given."""
    if not fit or len({t.dtype for t in tensors}) > 1 or not tensors[0].is_floating_point():
        given = ", ".join(f"{tuple(t.shape)} of {t.dtype}" for t in tensors)
        raise ValueError(f"expected {what}, tensors of one float type, got {given}")
