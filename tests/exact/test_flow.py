"""A flow world: the density by autograd integrates to one, and a map that does not invert is caught."""

import pytest
import torch

from dgm_tutor.exact import FlowWorld

SHEAR = torch.tensor([[1.5, 0.0], [-0.7, 0.4]], dtype=torch.float64)


def forward(z):
    y = z @ SHEAR.T + 0.3
    return torch.stack([y[:, 0], y[:, 1] + torch.tanh(y[:, 0])], -1)


def inverse(x):
    y = torch.stack([x[:, 0], x[:, 1] - torch.tanh(x[:, 0])], -1)
    return (y - 0.3) @ SHEAR.inverse().T


def grid(n: int = 161, reach: float = 12.0):
    line = torch.linspace(-reach, reach, n, dtype=torch.float64)
    return torch.cartesian_prod(line, line), (2 * reach / (n - 1)) ** 2


def test_the_density_integrates_to_one():
    x, cell = grid()
    assert (FlowWorld(forward, inverse, x).log_prob().exp().sum() * cell).item() == pytest.approx(1, abs=1e-6)


def test_the_two_jacobians_are_inverse_to_each_other():
    world = FlowWorld(forward, inverse, torch.randn(20, 2, dtype=torch.float64))
    eye = torch.eye(2, dtype=torch.float64).expand(20, 2, 2)
    assert torch.allclose(world.inverse_jacobian() @ world.forward_jacobian(), eye)
    assert torch.allclose(world.log_det_forward(), -world.log_det_inverse())
    assert world.log_det_forward()[0].item() == pytest.approx(torch.linalg.slogdet(SHEAR).logabsdet.item())


def test_the_inverse_is_checked_and_the_worst_point_shown():
    x = torch.randn(20, 2, dtype=torch.float64)
    FlowWorld(forward, inverse, x).check_inverse()
    with pytest.raises(ValueError, match="forward\\(inverse\\(x\\)\\) is not x"):
        FlowWorld(forward, lambda x: inverse(x) + 1e-3 * x, x).check_inverse()
    with pytest.raises(ValueError, match="nan"):
        FlowWorld(forward, lambda x: inverse(x) * torch.nan, x).check_inverse()


def test_points_come_as_rows():
    with pytest.raises(ValueError, match=r"\(n, D\)"):
        FlowWorld(forward, inverse, torch.zeros(2))
