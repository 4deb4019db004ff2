"""Sampling an autoregressive flow by forward substitution: x_i = g(z_i; parameters_i(x_<i)), the work of one pass.

Hidden units are sorted by degree, the number of coordinates that they may see, so every masked weight is block
triangular: a unit is final as soon as the coordinates of its degree are known, and is used from then on, never
computed again. ``ends`` (layers, D) says how many units of each hidden layer are final at each step.

The kernel keeps the layers' sums in registers and pushes: a unit that becomes final adds its column of the next
weight to that layer's sums, once, and only to units that are not final yet. Nothing that a program writes is read
again, so it needs no barrier of its own.
"""

from dgm_tutor.kernels.substitution.op import STEPS, substitute
from dgm_tutor.kernels.substitution.torch import Advance

__all__ = ["STEPS", "Advance", "substitute"]
