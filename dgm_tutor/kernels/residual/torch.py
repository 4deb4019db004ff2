"""The twin: map by map over all points, with the gradients written out.

Shapes: z (N, D), vectors (K, N, D), numbers (K, N).
"""

import torch
from torch import Tensor

SMALLEST = 1e-15  # a radius: keeps the gradient finite at the centre


def planar_forward(z: Tensor, u: Tensor, w: Tensor, b: Tensor, gain: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """z' (N, D), log |det| (N,), and the kept h (K, N)."""
    log_det, kept = z.new_zeros(len(z)), torch.empty_like(b)
    for k in range(len(u)):
        h = torch.tanh((w[k] * z).sum(-1) + b[k])
        kept[k] = h
        z = torch.addcmul(z, u[k], h[:, None])
        log_det += (h.square() + (1 - h.square()) * gain[k]).log()
    return z.clone(), log_det, kept


def planar_backward(
    g: Tensor, in_log_det: Tensor, out: Tensor, kept: Tensor, u: Tensor, w: Tensor, gain: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients in z, u, w, b and gain."""
    in_u, in_w, in_b, in_gain = (torch.empty_like(t) for t in (u, w, kept, gain))
    z, g = out, g.clone()
    for k in reversed(range(len(u))):
        h = kept[k]
        z = torch.addcmul(z, u[k], h[:, None], value=-1)
        slope = 1 - h.square()
        q = in_log_det / (h.square() + slope * gain[k])
        in_a = slope * ((g * u[k]).sum(-1) + 2 * q * h * (1 - gain[k]))
        in_u[k], in_w[k], in_b[k], in_gain[k] = h[:, None] * g, in_a[:, None] * z, in_a, q * slope
        g = torch.addcmul(g, in_a[:, None], w[k])
    return g, in_u, in_w, in_b, in_gain


def radial_forward(z: Tensor, centre: Tensor, alpha: Tensor, gain: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """z' (N, D), log |det| (N,), and the kept r (K, N)."""
    log_det, kept, dim = z.new_zeros(len(z)), torch.empty_like(alpha), z.shape[1]
    for k in range(len(centre)):
        away = z - centre[k]
        r = torch.linalg.vector_norm(away, dim=-1).clamp_min(SMALLEST)
        scale = (r + gain[k]) / (r + alpha[k])
        kept[k] = r
        z = torch.addcmul(centre[k], away, scale[:, None])
        q = r.square() + 2 * alpha[k] * r + alpha[k] * gain[k]
        log_det += (dim - 1) * scale.log() + q.log() - 2 * (r + alpha[k]).log()
    return z.clone(), log_det, kept


def radial_backward(
    g: Tensor, in_log_det: Tensor, out: Tensor, kept: Tensor, centre: Tensor, alpha: Tensor, gain: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients in z, centre, alpha and gain."""
    in_centre, in_alpha, in_gain = (torch.empty_like(t) for t in (centre, alpha, gain))
    z, g, others = out, g.clone(), (out.shape[1] - 1) * in_log_det
    for k in reversed(range(len(centre))):
        r, ra, rg = kept[k], kept[k] + alpha[k], kept[k] + gain[k]
        scale = rg / ra
        away = (z - centre[k]) / scale[:, None]
        z = centre[k] + away
        q = in_log_det / (r.square() + 2 * alpha[k] * r + alpha[k] * gain[k])
        in_scale = (g * away).sum(-1) + others / scale
        in_r = in_scale * (alpha[k] - gain[k]) / ra.square() + q * 2 * ra - 2 * in_log_det / ra
        in_alpha[k] = -in_scale * rg / ra.square() + q * (2 * r + gain[k]) - 2 * in_log_det / ra
        in_gain[k] = in_scale / ra + q * alpha[k]
        in_away = scale[:, None] * g + (in_r / r)[:, None] * away
        in_centre[k] = g - in_away
        g = in_away
    return g, in_centre, in_alpha, in_gain
