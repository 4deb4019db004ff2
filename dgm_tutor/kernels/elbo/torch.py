"""The twin, with the kernel's own noise: word by word in int64, whose products wrap as Philox wants them to."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

TILE = 2**15  # numbers: eight of them in int64 live at a time, in 2 MB
WORD = 2**32 - 1


def philox(position: Tensor, seed: Tensor, offset: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Philox4x32-10 of the positions (n,): four words, each below 2^32, in int64. Seed and offset are int64 scalars."""
    a, b, c, d = position & WORD, position >> 32 & WORD, offset & WORD, offset >> 32 & WORD
    k, m = seed & WORD, seed >> 32 & WORD
    for _ in range(10):
        left, right = a * 0xD2511F53, c * 0xCD9E8D57  # past 2^63 they turn negative; the bits are right
        a, b, c, d = (right >> 32 & WORD) ^ b ^ k, right & WORD, (left >> 32 & WORD) ^ d ^ m, left & WORD
        k, m = k + 0x9E3779B9 & WORD, m + 0xBB67AE85 & WORD
    return a, b, c, d


def noise(like: Tensor, state: Tensor) -> Tensor:
    """Standard normal numbers of the shape and precision of ``like``, from state = (seed, offset)."""
    seed, offset = state
    parts = [like.new_empty(0)]
    for start in range(0, like.numel(), TILE):
        stop = min(start + TILE, like.numel())
        w, turn, _, _ = philox(torch.arange(start, stop, device=like.device), seed, offset)
        u, v = ((w >> 8) + 1).to(like.dtype) / 2**24, (turn >> 8).to(like.dtype) / 2**24
        parts.append((-2 * u.log()).sqrt() * (2 * math.pi * v).cos())
    return torch.cat(parts).view(like.shape)


def sample_and_kl(mu: Tensor, log_sigma: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """z (N, D) and KL (N,)."""
    sigma = log_sigma.exp()
    kl = ((mu.square() + sigma.square() - 1) / 2 - log_sigma).sum(-1)
    return torch.addcmul(mu, sigma, noise(mu, state)), kl


def sample_and_kl_backward(
    in_z: Tensor, in_kl: Tensor, mu: Tensor, log_sigma: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients in mu and log sigma; the noise is made again."""
    sigma, k = log_sigma.exp(), in_kl.unsqueeze(-1)
    return in_z + k * mu, in_z * sigma * noise(mu, state) + k * (sigma.square() - 1)


def log_bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    """log p(x), (N,)."""
    return (x * logits - F.softplus(logits)).sum(-1)


def log_bernoulli_backward(upstream: Tensor, x: Tensor, logits: Tensor) -> Tensor:
    """The gradient in the logits."""
    return upstream.unsqueeze(-1) * (x - logits.sigmoid())
