"""A linear probe: how well a ridge regression on the codes tells the labels, in closed form."""

import torch
from torch import Tensor


def probe_accuracy(codes: Tensor, labels: Tensor, test_codes: Tensor, test_labels: Tensor, ridge: float = 1.0) -> float:
    """The share of test labels that the best linear map from standardised codes to one-hot labels gets right.

    Args:
        codes, test_codes: (n, d) and (m, d), for example the means of q(z|x).
        labels, test_labels: integers (n,) and (m,).
        ridge: the weight of the squared norm; it is never on the intercept.

    Raises:
        ValueError: shapes that do not belong together, codes that are not finite, or a ridge that is not positive.
    """
    for name, z, y in (("train", codes, labels), ("test", test_codes, test_labels)):
        if z.dim() != 2 or y.shape != z.shape[:1] or len(z) == 0 or z.shape[1] != codes.shape[1]:
            raise ValueError(
                f"{name}: expected codes (n, d) and labels (n,), got {tuple(z.shape)} and {tuple(y.shape)}"
            )
        if not z.isfinite().all():
            raise ValueError(f"{name}: the codes hold NaN or infinite values")
    if not ridge > 0:
        raise ValueError(f"ridge: expected a positive number, got {ridge}")
    mean, scale = codes.double().mean(0), codes.double().std(0, correction=0)
    scale = torch.where(scale > 0, scale, 1)  # a code that never moves is zero
    z = (codes.double() - mean) / scale
    classes = int(labels.max()) + 1
    targets = torch.eye(classes, dtype=z.dtype, device=z.device)[labels]
    centre = targets.mean(0)
    gram = z.mT @ z + ridge * torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
    weights = torch.linalg.solve(gram, z.mT @ (targets - centre))
    predicted = (((test_codes.double() - mean) / scale) @ weights + centre).argmax(-1)
    return (predicted == test_labels).double().mean().item()
