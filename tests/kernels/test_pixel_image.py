"""Whole images in one launch: the kernel in a process of its own, and what a launch takes the place of."""

import pytest
import torch

from dgm_tutor.components.pixelcnn import PixelCNN, cached_sample, sampling
from dgm_tutor.kernels.backend import BackendError
from dgm_tutor.kernels.lesson import Counted
from dgm_tutor.kernels.pixel_image import in_one_launch
from tests.components.pixelcnn.networks import noise, random_network
from tests.kernels import linux


def test_off_unless_asked_for_by_name(monkeypatch):
    for choice in (None, "auto", "torch"):
        monkeypatch.delenv("DGM_BACKEND", raising=False)
        if choice:
            monkeypatch.setenv("DGM_BACKEND", choice)
        assert not in_one_launch(torch.zeros(1))
    monkeypatch.setenv("DGM_BACKEND", "triton")
    network = random_network((2, 2))
    with pytest.raises(BackendError, match="DGM_BACKEND=triton, but"):
        cached_sample(network, noise(1, network))


@linux
def test_one_launch_takes_the_place_of_a_thousand(monkeypatch):
    """28 x 28, 5 layers of 32 channels, 64 images: beside rows, whose operations are counted as torch runs them."""
    from dgm_tutor.kernels.pixel_image import triton as image
    from dgm_tutor.kernels.pixel_row import triton as row

    n, size = 64, 28
    network = PixelCNN((size, size))
    monkeypatch.setattr(sampling, "sample_row", lambda row, contexts, u: (torch.stack(contexts), u)[1])
    with torch.inference_mode():
        rows, weights = sampling._Rows(network, torch.rand(n, size * size), None), sampling._weights(network)
        with Counted() as counted:
            rows.step()
    by_row, whole = row.traffic(n, size, weights), image.traffic(n, size, size, weights)
    assert whole["launches"] == 1
    assert size * (counted.operations + by_row["launches"]) > 1000
    assert whole["bytes"] - size * by_row["bytes"] < 0.5 * size * by_row["bytes"]


@linux
@pytest.mark.slow
def test_the_kernel_in_the_interpreter(interpreter):
    interpreter("pixel_image")


READ_BACK = """
from dgm_tutor.kernels.ahead import CAPABILITIES, code, variants
for variant in variants("pixel_image"):
    for capability in CAPABILITIES:
        made = code(variant, capability)
        assert made["ttgir"].count("barrier") == 4, "some barrier is lost, or added"
        assert "ld.global.nc" not in made["ptx"] and "cp.async" not in made["ptx"]
"""


@linux
@pytest.mark.slow
def test_what_was_written_is_read_from_where_it_was_written(python):
    """Not through the cache for constant memory, which does not see writes, and not before its turn."""
    python(READ_BACK, TRITON_INTERPRET="0")
