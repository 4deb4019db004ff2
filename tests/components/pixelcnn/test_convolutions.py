"""Convolutional networks: shapes for any size and any leading dimensions, gradients everywhere."""

import pytest
import torch

from dgm_tutor.components.convolutions import ConvDecoder, ConvEncoder
from tests.components.test_components import shaken


@pytest.mark.parametrize("size", [(28, 28), (3, 3), (5, 10)])
@pytest.mark.parametrize("lead", [(), (2,), (3, 2)])
def test_leading_dimensions_pass_through(size, lead):
    encoder, decoder = ConvEncoder(size, 4, channels=3), ConvDecoder(4, size, features=2, channels=3)
    x = torch.rand(*lead, size[0] * size[1])
    code = encoder(x)
    maps = decoder(code)
    assert code.shape == (*lead, 4) and maps.shape == (*lead, 2, *size)
    if lead == (3, 2):
        torch.testing.assert_close(encoder(x[2, 1]), code[2, 1])
        torch.testing.assert_close(decoder(code[2, 1]), maps[2, 1])


@pytest.mark.parametrize("size", [(28, 28), (3, 3)])
def test_gradients_reach_every_parameter_and_every_input(size):
    torch.manual_seed(0)
    encoder, decoder = shaken(ConvEncoder(size, 4, channels=3), 0.2), shaken(ConvDecoder(4, size, channels=3), 0.2)
    x = torch.rand(64, size[0] * size[1], requires_grad=True)  # enough images that no ReLU is off for all of them
    decoder(encoder(x)).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in [*encoder.parameters(), *decoder.parameters()])
    assert (x.grad.abs().sum(0) > 0).all()
