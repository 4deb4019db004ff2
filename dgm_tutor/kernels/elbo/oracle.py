"""The definitions in float64: Philox in Python's integers, one position at a time; KL and likelihood by torch."""

import cmath
import math

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence

WORD = 2**32


def philox(position: int, seed: int, offset: int) -> tuple[int, int, int, int]:
    """Four words of 32 bits; the arguments count modulo 2^64."""
    a, b, c, d = position % WORD, position // WORD % WORD, offset % WORD, offset // WORD % WORD
    key = seed % WORD, seed // WORD % WORD
    for turn in range(10):
        k, m = (key[0] + turn * 0x9E3779B9) % WORD, (key[1] + turn * 0xBB67AE85) % WORD
        left, right = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = right // WORD ^ b ^ k, right % WORD, left // WORD ^ d ^ m, left % WORD
    return a, b, c, d


def noise(shape: tuple[int, ...], seed: int, offset: int) -> Tensor:
    """Standard normal numbers of the shape; a number's position is its place in the flattened tensor."""
    values = []
    for position in range(math.prod(shape)):
        w = philox(position, seed, offset)
        u, v = ((w[0] // 256) + 1) / 2**24, (w[1] // 256) / 2**24
        values.append((cmath.rect(math.sqrt(-2 * math.log(u)), 2 * math.pi * v)).real)
    return torch.tensor(values, dtype=torch.float64).view(shape)


def sample_and_kl(mu: Tensor, log_sigma: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """z (N, D) and KL(N(mu, sigma) || N(0, 1)) (N,) in nats; autograd differentiates both."""
    posterior = Normal(mu.double(), log_sigma.double().exp())
    z = posterior.loc + posterior.scale * noise(tuple(mu.shape), *state.tolist())
    return z, kl_divergence(posterior, Normal(0.0, 1.0)).sum(-1)


def log_bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    """log p(x) in nats, (N,)."""
    return Bernoulli(logits=logits.double(), validate_args=False).log_prob(x.double()).sum(-1)
