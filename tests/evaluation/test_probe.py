"""The linear probe: right where classes are linearly apart, at chance where codes say nothing."""

import pytest
import torch

from dgm_tutor.evaluation.probe import probe_accuracy


def blobs(n, seed, apart=6.0):
    """Three classes at the corners of a simplex, on scales that differ a thousandfold, with an offset."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 3
    z = apart * torch.eye(3)[y] + torch.randn(n, 3, generator=generator)
    return 5 + z * torch.tensor([1.0, 1000.0, 0.001]), y


def test_classes_apart_are_told_whatever_their_scale_and_offset():
    assert probe_accuracy(*blobs(600, 0), *blobs(300, 1)) > 0.98


@pytest.mark.parametrize("codes", [torch.randn, lambda *shape, generator: torch.ones(shape)])
def test_codes_that_say_nothing_are_at_the_rate_of_the_largest_class(codes):
    generator = torch.Generator().manual_seed(0)
    y = (torch.arange(4000) % 4 == 0).long()
    z = codes(4000, 2, generator=generator)
    assert probe_accuracy(z[:2000], y[:2000], z[2000:], y[2000:]) == pytest.approx(0.75)


def test_the_probe_is_the_ridge_regression_of_an_augmented_least_squares():
    z, y = blobs(60, 0, apart=1.0)
    test, test_y = blobs(200, 1, apart=1.0)
    mean, std = z.double().mean(0), z.double().std(0, correction=0)
    a, one_hot = (z.double() - mean) / std, torch.eye(3).double()[y]
    rows = torch.cat([a, 7.0**0.5 * torch.eye(3).double()])
    w = torch.linalg.lstsq(rows, torch.cat([one_hot - one_hot.mean(0), torch.zeros(3, 3).double()])).solution
    right = (((test.double() - mean) / std) @ w + one_hot.mean(0)).argmax(-1) == test_y
    assert probe_accuracy(z, y, test, test_y, ridge=7.0) == pytest.approx(right.double().mean().item())
    assert 0.4 < right.double().mean() < 0.9


def test_bad_input_is_refused():
    z, y = blobs(30, 0)
    with pytest.raises(ValueError, match="test: expected codes"):
        probe_accuracy(z, y, z[:, :2], y)
    with pytest.raises(ValueError, match="train: the codes"):
        probe_accuracy(z / 0, y, z, y)
    with pytest.raises(ValueError, match="ridge"):
        probe_accuracy(z, y, z, y, ridge=0.0)
