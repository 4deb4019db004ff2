r"""A stack of K planar or radial maps with its log-determinant; a point stays in registers from first to last.

Planar (Rezende and Mohamed 2015, eq. 10; D5):  a = w.z + b,  h = tanh a,  z' = z + u h,
log |det| = log(1 + (1 - h^2) w.u) = log(h^2 + (1 - h^2) gain) with gain = 1 + w.u > 0.

Radial (eq. 14):  r = |z - c|,  s = (r + gain) / (r + alpha),  z' = c + s (z - c),
log |det| = (D - 1) log s + log(r^2 + 2 alpha r + alpha gain) - 2 log(r + alpha).

Backwards, the points are not read from memory either: one number a map and a point is kept (h, or r), and from it

    z = z' - u h        z = c + (z' - c) / s

so the sweep from the last map to the first makes each point again as it goes. With g the gradient in z' and l that in
log |det|, a planar map gives, with q = h^2 + (1 - h^2) gain,

    dh = g.u + 2 l h (1 - gain) / q     da = (1 - h^2) dh     dgain = l (1 - h^2) / q
    du = h g     dw = da z     db = da     dz = g + da w

Parameters belong to a point each, as an encoder gives them; what is shared by all points is expanded by the caller,
and its gradient summed by torch, in a fixed order.
"""

from dgm_tutor.kernels.residual.op import planar_stack, radial_stack

__all__ = ["planar_stack", "radial_stack"]
