"""Planar and radial stacks to be tested, in the interpreter and outside it."""

import torch


def problem(kind, n, maps, dim, dtype=torch.float64):
    """Leaves: points, and what the maps are made of; strong maps, well away from the identity."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    leaves = [normal(n, dim), normal(maps, n, dim), normal(maps, n, dim) / dim**0.5, normal(maps, n)]
    if kind == "radial":
        leaves = [normal(n, dim), normal(maps, n, dim), normal(maps, n), 1 + normal(maps, n)]
    return [leaf.to(dtype).requires_grad_() for leaf in leaves]


def run(kind, module_planar, module_radial, leaves):
    """The stack as the flows call it: the gain is computed from the other parameters."""
    z, *rest = leaves
    if kind == "planar":
        u, w, b = rest
        gain = 1 + 0.9 * torch.tanh((w * u).sum(-1))  # > 0
        w_w = w.square().sum(-1)
        u = u + ((gain - 1 - (w * u).sum(-1)) / w_w).unsqueeze(-1) * w
        return module_planar(z, u, w, b, gain)
    centre, alpha, gain = rest
    return module_radial(z, centre, torch.nn.functional.softplus(alpha), torch.nn.functional.softplus(gain))
