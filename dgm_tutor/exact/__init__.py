"""Exact worlds (finite tables, linear Gaussians, flows), where every formula of the lecture has an exact value.

>>> world = FiniteWorld.random(sizes={"x": 4, "z": 3}, batch=(64,))
>>> gap = world.log_likelihood() - world.elbo() - world.kl_posterior()  # D11: 0, shape (64,)
>>> world.p("z | x")  # the true posterior; any marginal or conditional of p or q
"""

from .distribution import Distribution, Factor, NoClosedForm
from .flow import FlowWorld, jacobian, standard_normal_log_prob
from .gaussian import Gaussian
from .table import Function, Table
from .world import FiniteWorld, Joint, LinearGaussianWorld, World

__all__ = [
    "Distribution",
    "Factor",
    "FiniteWorld",
    "FlowWorld",
    "Function",
    "Gaussian",
    "Joint",
    "LinearGaussianWorld",
    "NoClosedForm",
    "Table",
    "World",
    "jacobian",
    "standard_normal_log_prob",
]
