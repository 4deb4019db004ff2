"""The twin: log-likelihood and gradient in one sweep of tiles, and the sampler, in plain torch."""

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_tutor.kernels.once import once

TILE = 2**15  # numbers in a tile: about a dozen of them live at a time, in less than 2 MB of float32


def discretised_logistic(x: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """log P(x) in nats of the logistic with mean mu and scale e^log_scale, in bins; the arguments broadcast.

    With a and b the bin's standardised edges, sigma(a) - sigma(b) = sigma(a) sigma(-b) (1 - e^-(a-b)): a product, so
    its logarithm is a sum in which nothing cancels, however far out the bin or however narrow the logistic.
    """
    a, b, w, _, first, last = _edges(x, mu, log_scale, levels)
    return _log_mass(a, b, torch.expm1(-w), first, last)


def log_prob(x: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """log P(x) in nats, (n,), of grey levels x (n,) under parameters (n, K); differentiable once."""
    return _LogProb.apply(x, logits, mu, log_scale, levels)


def draw(u: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """Grey levels (n,) from uniform noise u (n,): u's place among the pi picks the component, and where it falls
    within that component's share is uniform again and goes through the logistic's quantile."""
    pi = logits.softmax(-1)
    upper = pi.cumsum(-1)
    component = choose(pi, u).unsqueeze(-1)
    pi, upper, mu, log_scale = (t.gather(-1, component).squeeze(-1) for t in (pi, upper, mu, log_scale))
    tiny = torch.finfo(u.dtype).eps
    share = ((u - (upper - pi)) / pi).clamp(tiny, 1 - tiny)
    value = mu + log_scale.exp() * (share.log() - (1 - share).log())
    return (value * (levels - 1) + 0.5).floor().clamp(0, levels - 1) / (levels - 1)


def choose(probabilities: Tensor, u: Tensor) -> Tensor:
    """The index, one of probabilities (..., k), that uniform noise u picks: the inverse of the cumulative sum."""
    return (u.unsqueeze(-1) >= probabilities.cumsum(-1)[..., :-1]).sum(-1)


def _edges(x: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> tuple[Tensor, ...]:
    """The bin's standardised edges a and b, its width w, the precision, and which bins are open."""
    half = 0.5 / (levels - 1)
    precision = (-log_scale).exp()
    middle, reach = (x - mu) * precision, half * precision
    return middle + reach, middle - reach, 2 * reach, precision, x < half, x > 1 - half


def _log_mass(a: Tensor, b: Tensor, minus: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """log P from the edges and minus = e^-w - 1."""
    below = F.logsigmoid(a).masked_fill_(last, 0.0)  # log P(value < upper edge)
    above = F.logsigmoid(-b).masked_fill_(first, 0.0)  # log P(value > lower edge)
    return below.add_(above).add_(torch.log(-minus).masked_fill(first | last, 0.0))


class _LogProb(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
        wanted = any(ctx.needs_input_grad)
        size = max(1, TILE // logits.shape[-1])
        tiles = zip(*(t.split(size) for t in (x, logits, mu, log_scale)), strict=True)
        parts = [_tile(*tile, levels, wanted) for tile in tiles]
        log_p, *gradients = map(torch.cat, zip(*parts, strict=True)) if len(parts) > 1 else parts[0]
        ctx.save_for_backward(*gradients)
        return log_p

    @staticmethod
    @once("logistic_mixture/log_prob")
    def backward(ctx, upstream: Tensor):
        in_logits, in_mu, in_log_scale = (upstream.unsqueeze(-1) * g for g in ctx.saved_tensors)
        in_x = -in_mu.sum(-1) if ctx.needs_input_grad[0] else None  # log P depends on x - mu
        return in_x, in_logits, in_mu, in_log_scale, None


def _tile(x: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int, wanted: bool) -> tuple[Tensor, ...]:
    """log P(x) of a tile and, where wanted, its gradients in the three parameters."""
    a, b, w, precision, first, last = _edges(x.unsqueeze(-1), mu, log_scale, levels)
    minus = torch.expm1(-w)
    log_pi = logits.log_softmax(-1)
    joint = _log_mass(a, b, minus, first, last).add_(log_pi)
    log_p = joint.logsumexp(-1)
    if not wanted:
        return (log_p,)
    weight = joint.sub_(log_p.unsqueeze(-1)).exp_()  # p(component | x)
    in_a = torch.sigmoid(-a).masked_fill_(last, 0.0)
    in_b = torch.sigmoid(b).masked_fill_(first, 0.0)
    in_w = (1 + minus).div_(minus).masked_fill_(first | last, 0.0)  # 1 / (1 - e^w)
    in_mu = (in_b - in_a).mul_(precision).mul_(weight)
    in_log_scale = b.mul_(in_b).sub_(a.mul_(in_a)).add_(w.mul_(in_w)).mul_(weight)
    return log_p, weight.sub_(log_pi.exp_()), in_mu, in_log_scale
