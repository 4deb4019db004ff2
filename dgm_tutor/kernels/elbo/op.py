"""The two terms as operations, each with a second one for its gradient: twin or kernel by ``backend``."""

import torch
from torch import Tensor

from dgm_tutor.kernels.backend import backend
from dgm_tutor.kernels.elbo import torch as twin
from dgm_tutor.kernels.inputs import expect
from dgm_tutor.kernels.once import once

DTYPES = (torch.float32, torch.float64)


def new_state(device: torch.device | str | None = None) -> Tensor:
    """(2,) int64: a seed from torch's generator, so that ``torch.manual_seed`` decides it, and offset 0.

    A tensor, so that a recorded graph can move on: ``state[1] += 1`` is new noise, independent of the old.
    """
    seed = torch.randint(2**62, (), dtype=torch.int64)
    return torch.stack([seed, torch.zeros_like(seed)]).to(device)


def sample_and_kl(mu: Tensor, log_sigma: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """z ~ N(mu, sigma), (N, D), and KL(N(mu, sigma) || N(0, 1)), (N,), nats; differentiable once.

    Args:
        mu, log_sigma: (N, D), float32 or float64.
        state: seed and offset, int64 (2,), as ``new_state`` gives them: equal states give equal noise.

    Raises:
        ValueError: shapes or types that do not fit.
    """
    _check("mu and log_sigma (N, D)", mu, log_sigma)
    if state.shape != (2,) or state.dtype != torch.int64:
        raise ValueError(f"expected state (2,) of int64, got {tuple(state.shape)} of {state.dtype}: see new_state")
    return _sample(mu, log_sigma, state)


def log_bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    """sum_d x l - log(1 + e^l), (N,), nats, of x and logits (N, D); differentiable once.

    Raises:
        ValueError: shapes or types that do not fit.
    """
    _check("x and logits (N, D)", x, logits)
    return _bernoulli(x, logits)


def _check(what: str, a: Tensor, b: Tensor) -> None:
    expect(f"{what}, float32 or float64", a.dim() == 2 and a.shape == b.shape and a.dtype in DTYPES, a, b)


def _module(*tensors: Tensor):
    """The twin, or the kernels."""
    if backend(*tensors) == "triton":
        from dgm_tutor.kernels.elbo import triton as kernels

        return kernels
    return twin


@torch.library.custom_op("dgm_tutor::sample_and_kl", mutates_args=())
def _sample(mu: Tensor, log_sigma: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    return _module(mu, log_sigma, state).sample_and_kl(mu, log_sigma, state)


@torch.library.custom_op("dgm_tutor::sample_and_kl_backward", mutates_args=())
def _sample_backward(
    in_z: Tensor, in_kl: Tensor, mu: Tensor, log_sigma: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    return _module(in_z, mu, state).sample_and_kl_backward(in_z, in_kl, mu, log_sigma, state)


@torch.library.custom_op("dgm_tutor::log_bernoulli", mutates_args=())
def _bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    return _module(x, logits).log_bernoulli(x, logits)


@torch.library.custom_op("dgm_tutor::log_bernoulli_backward", mutates_args=())
def _bernoulli_backward(upstream: Tensor, x: Tensor, logits: Tensor) -> Tensor:
    return _module(upstream, x, logits).log_bernoulli_backward(upstream, x, logits)


_sample.register_fake(lambda mu, log_sigma, state: (mu.new_empty(mu.shape), mu.new_empty(mu.shape[:1])))
_sample_backward.register_fake(
    lambda in_z, in_kl, mu, log_sigma, state: (mu.new_empty(mu.shape), mu.new_empty(mu.shape))
)
_bernoulli.register_fake(lambda x, logits: x.new_empty(x.shape[:1]))
_bernoulli_backward.register_fake(lambda upstream, x, logits: x.new_empty(x.shape))


def _keep_posterior(ctx, inputs, output):
    mu, log_sigma, state = inputs
    ctx.save_for_backward(mu, log_sigma, state.clone())  # whoever moves on to the next noise does so in place


@once("elbo/sample_and_kl")
def _sample_gradients(ctx, in_z, in_kl):
    return *_sample_backward(in_z, in_kl, *ctx.saved_tensors), None


def _keep_pixels(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


@once("elbo/log_bernoulli")
def _bernoulli_gradients(ctx, upstream):
    x, logits = ctx.saved_tensors
    in_x = upstream.unsqueeze(-1) * logits if ctx.needs_input_grad[0] else None
    return in_x, _bernoulli_backward(upstream, x, logits) if ctx.needs_input_grad[1] else None


_sample.register_autograd(_sample_gradients, setup_context=_keep_posterior)
_bernoulli.register_autograd(_bernoulli_gradients, setup_context=_keep_pixels)
