"""The terms that derivations are made of: how each is written, and its exact value on a world.

A term's value comes from its definition in ``dgm_tutor.exact``, never from another term, so that an identity between
terms is a statement and not a rewording.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from dgm_tutor.exact import World


@dataclass(frozen=True)
class Term:
    """A quantity of a world: ``name`` in code, ``latex`` in print, ``text`` in words, ``value(world)`` in nats."""

    name: str
    latex: str
    text: str
    value: Callable[[Any], Tensor] = field(repr=False)


def kl(a: str, b: str) -> str:
    return rf"D_{{\mathrm{{KL}}}}({a} \,\|\, {b})"


def mean(under: str, of: str) -> str:
    return rf"\mathbb{{E}}_{{{under}}}\left[{of}\right]"


DATA, MODEL = r"p_{\mathrm{data}}", r"p_\theta"
DECODER, POSTERIOR = rf"{MODEL}(x \mid z)", r"q(z \mid x)"

# the bound and its parts
elbo = Term("elbo", mean(f"{DATA}(x)", r"\mathrm{ELBO}(x)"), "E[ELBO]", World.elbo)
log_likelihood = Term(
    "log_likelihood", mean(f"{DATA}(x)", rf"\log {MODEL}(x)"), "E_data[log p(x)]", World.log_likelihood
)
reconstruction = Term("reconstruction", mean("q(x,z)", rf"\log {DECODER}"), "E_q[log p(x|z)]", World.reconstruction)
rate = Term("rate", mean(f"{DATA}(x)", kl(POSTERIOR, "p(z)")), "E_data KL(q(z|x) ‖ p(z))", World.rate)

# mean log densities under q(x, z)
log_p_joint = Term(
    "log_p_joint", mean("q(x,z)", r"\log p(x,z)"), "E_q[log p(x,z)]", lambda w: w.q_joint.expect(w.p_joint.log())
)
log_q_joint = Term(
    "log_q_joint", mean("q(x,z)", r"\log q(x,z)"), "E_q[log q(x,z)]", lambda w: w.q_joint.expect(w.q_joint.log())
)
log_posterior = Term(
    "log_posterior",
    mean("q(x,z)", rf"\log {POSTERIOR}"),
    "E_q[log q(z|x)]",
    lambda w: w.q_joint.expect(w.posterior.log()),
)
log_true_posterior = Term(
    "log_true_posterior",
    mean("q(x,z)", rf"\log {MODEL}(z \mid x)"),
    "E_q[log p(z|x)]",
    lambda w: w.q_joint.expect(w.true_posterior.log()),
)
log_data = Term(
    "log_data", mean(f"{DATA}(x)", rf"\log {DATA}(x)"), "E_data[log p_data(x)]", lambda w: w.data.expect(w.data.log())
)
log_prior = Term("log_prior", mean("q(z)", r"\log p(z)"), "E_q[log p(z)]", lambda w: w.aggregate.expect(w.prior.log()))

# entropies
entropy_data = Term("entropy_data", rf"H({DATA})", "H(p_data)", World.entropy_data)
entropy_posterior = Term("entropy_posterior", r"H_q(z \mid x)", "H_q(z|x)", World.entropy_posterior)
entropy_aggregate = Term("entropy_aggregate", "H(q(z))", "H(q(z))", World.entropy_aggregate)
entropy_prior = Term("entropy_prior", "H(p(z))", "H(p(z))", World.entropy_prior)
entropy_reverse_decoder = Term("entropy_reverse_decoder", r"H_q(x \mid z)", "H_q(x|z)", World.entropy_reverse_decoder)

# mutual information
mi_q = Term("mi_q", r"\mathrm{MI}_q(x;z)", "MI_q(x;z)", World.mi_q)
mi_p = Term("mi_p", r"\mathrm{MI}_p(x;z)", "MI_p(x;z)", World.mi_p)

# divergences
kl_joint = Term("kl_joint", kl("q(x,z)", "p(x,z)"), "KL(q(x,z) ‖ p(x,z))", World.kl_joint)
kl_data = Term("kl_data", kl(DATA, MODEL), "KL(p_data ‖ p_θ)", World.kl_data)
kl_data_reverse = Term("kl_data_reverse", kl(MODEL, DATA), "KL(p_θ ‖ p_data)", World.kl_data_reverse)
jsd_data = Term("jsd_data", rf"\mathrm{{JSD}}({DATA}, {MODEL})", "JSD(p_data, p_θ)", World.jsd_data)
kl_aggregate = Term("kl_aggregate", kl("q(z)", "p(z)"), "KL(q(z) ‖ p(z))", World.kl_aggregate)
kl_aggregate_reverse = Term("kl_aggregate_reverse", kl("p(z)", "q(z)"), "KL(p(z) ‖ q(z))", World.kl_aggregate_reverse)
kl_posterior = Term(
    "kl_posterior",
    mean(f"{DATA}(x)", kl(POSTERIOR, rf"{MODEL}(z \mid x)")),
    "E_data KL(q(z|x) ‖ p(z|x))",
    World.kl_posterior,
)
kl_posterior_reverse = Term(
    "kl_posterior_reverse",
    mean(f"{DATA}(x)", kl(rf"{MODEL}(z \mid x)", POSTERIOR)),
    "E_data KL(p(z|x) ‖ q(z|x))",
    World.kl_posterior_reverse,
)
kl_posterior_model = Term(
    "kl_posterior_model",
    mean(f"{MODEL}(x)", kl(rf"{MODEL}(z \mid x)", POSTERIOR)),
    "E_model KL(p(z|x) ‖ q(z|x))",
    World.kl_posterior_model,
)
kl_likelihood = Term(
    "kl_likelihood", mean("q(z)", kl(r"q(x \mid z)", DECODER)), "E_q(z) KL(q(x|z) ‖ p(x|z))", World.kl_likelihood
)

TERMS = {term.name: term for term in list(globals().values()) if isinstance(term, Term)}
