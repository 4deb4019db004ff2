# %% [markdown] title
# # 10 · The beta-VAE
#
# Eight questions about one loss. Each has a box with its points, three hints, each stronger than the one before, and a
# check that answers at once. The mark comes from the same check on inputs that you have not seen.
#
# Notation: data $p_{\mathrm{data}}(x)$, prior $p(z)$, decoder $p_\theta(x|z)$, inference model $q(z|x)$, aggregate
# posterior $q(z) = \mathbb{E}_{p_{\mathrm{data}}}[q(z|x)]$. Everything is in nats, and this page **minimises**.

# %% setup
import math
from pathlib import Path

import torch
from dgm_tutor.checks import check, hint
from safetensors.torch import save_file
from torch.distributions import kl_divergence
from torch.nn import functional as F

# %% [markdown] price-text
# ## What beta pays for
#
# Write $\mathcal{L}_\beta = -\mathbb{E}_{q(x,z)}[\log p_\theta(x|z)] + \beta\,\mathbb{E}\,\mathrm{KL}(q(z|x)\|p(z))$.
# A line of a derivation is given as `{term: coefficient}`; a coefficient is a number or a text such as `"2*beta"`.
#
# **Terms**: `mi_q` and `mi_p` (mutual information under $q(x,z)$ and under $p(x,z)$), `kl_aggregate` =
# $\mathrm{KL}(q(z)\|p(z))$, `kl_aggregate_reverse` = $\mathrm{KL}(p(z)\|q(z))$.
#
# How much more than the VAE's loss is the beta-VAE's, $\mathcal{L}_\beta - \mathcal{L}_1 = \ldots$?

# %% price
price = None
### BEGIN SOLUTION
price = {"mi_q": "beta - 1", "kl_aggregate": "beta - 1"}
### END SOLUTION

# %% [markdown] likelihood-text
# Now the whole loss, as maximum likelihood with something added.
#
# **Terms**: `log_likelihood` = $\mathbb{E}_{p_{\mathrm{data}}}[\log p_\theta(x)]$, `kl_posterior` =
# $\mathbb{E}_{p_{\mathrm{data}}}\mathrm{KL}(q(z|x)\|p_\theta(z|x))$, `kl_posterior_reverse` (the same with its two
# sides exchanged), `mi_q`, `kl_aggregate`. Which sum of these is $\mathcal{L}_\beta$?

# %% likelihood
likelihood = None
### BEGIN SOLUTION
likelihood = {"log_likelihood": -1, "kl_posterior": 1, "mi_q": "beta - 1", "kl_aggregate": "beta - 1"}
### END SOLUTION

# %% [markdown] loss-text
# ## The loss
#
# `posterior` and `prior` are distributions over z with event shape `(latent,)`; `posterior` has batch shape `(n,)`.
# `decoder(z)` is a distribution over x with batch shape `(n,)`. Return the mean over the batch of the loss of one
# example, estimated with one draw of z, so that its gradient reaches every parameter.


# %% loss
def beta_vae_loss(x, posterior, prior, decoder, beta):
    """The loss of a batch x (n, pixels): a scalar tensor, in nats per example."""
    ### BEGIN SOLUTION
    z = posterior.rsample()
    reconstruction = -decoder(z).log_prob(x)
    return (reconstruction + beta * kl_divergence(posterior, prior)).mean()
    ### END SOLUTION


# %% [markdown] split-text
# ## Where the KL goes
#
# On a finite world everything is a sum. `p_data` (X,) and `prior` (Z,) are probabilities, `posterior` (X, Z) has
# $q(z|x)$ in its rows. Probabilities may be exactly 0: remember $0 \log 0 = 0$.


# %% split
def rate_split(p_data, posterior, prior):
    """The pair (MI_q(x; z), KL(q(z) || p(z))), two scalar tensors in nats, from (X,), (X, Z) and (Z,)."""
    ### BEGIN SOLUTION
    aggregate = p_data @ posterior
    information = (p_data[:, None] * (torch.xlogy(posterior, posterior) - torch.xlogy(posterior, aggregate))).sum()
    divergence = (torch.xlogy(aggregate, aggregate) - torch.xlogy(aggregate, prior)).sum()
    return information, divergence
    ### END SOLUTION


# %% [markdown] bound-text
# ## A tighter bound
#
# $\log p_\theta(x) \ge \mathbb{E}\log\frac1K\sum_{k=1}^K \frac{p_\theta(x|z_k)\,p(z_k)}{q(z_k|x)}$ with independent
# $z_k \sim q(z|x)$ (Burda, Grosse and Salakhutdinov 2016, eq. 8). Images have log-likelihoods of hundreds of nats: do
# not leave the log scale.


# %% bound
def importance_bound(x, posterior, prior, decoder, samples):
    """One estimate of the bound for each of the n examples in x (n, pixels): a tensor (n,), in nats."""
    ### BEGIN SOLUTION
    z = posterior.rsample((samples,))
    log_weight = decoder(z).log_prob(x) + prior.log_prob(z) - posterior.log_prob(z)
    return log_weight.logsumexp(0) - math.log(samples)
    ### END SOLUTION


# %% [markdown] repair-text
# ## What broke?
#
# The cell below is put together from two published mistakes. The encoder was trained to give `log_var`, the
# logarithm of the **variance**, and `beta` should weigh nats against nats. Pixels are 0 or 1. Write `fixed_loss`.


# %% published
def published_loss(x, logits, mean, log_var, beta):
    reconstruction = F.binary_cross_entropy_with_logits(logits, x)
    kl = -0.5 * (1 + 2 * log_var - mean**2 - (2 * log_var).exp()).sum(1).mean()
    return reconstruction + beta * kl


# %% repair
def fixed_loss(x, logits, mean, log_var, beta):
    """The beta-VAE's loss of x (n, pixels) given logits (n, pixels), mean and log_var (n, latent): nats per example."""
    ### BEGIN SOLUTION
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    kl = 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(1)
    return (reconstruction + beta * kl).mean()
    ### END SOLUTION


# %% [markdown] experiment-text
# ## Train one
#
# A linear world: x is Gaussian in six dimensions with the covariance below. Train, with **beta = 4**, a model with two
# latent dimensions, q(z|x) = N(Wx, diag exp(2s)), p(x|z) = N(Vz, I), p(z) = N(0, I), and hand in its weights,
# `W` (2, 6), `s` (2,) and `V` (6, 2), in a safetensors file beside this notebook. The grader computes your exact loss
# over the whole distribution of x and compares it with the best there is. Half the points come within 0.5 nats of it,
# all of them within 0.05.

# %% world
covariance = torch.diag(torch.tensor([16.0, 8.0, 1.0, 0.5, 0.5, 0.5]))
rotation = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(10)))[0]
covariance = rotation @ covariance @ rotation.T
weights_file = Path("experiment.safetensors").resolve()


def draw_data(n):
    """n examples, (n, 6)."""
    return torch.randn(n, 6) @ torch.linalg.cholesky(covariance).T


# %% experiment
def train(beta):
    """Trained weights {"W", "s", "V"}, float32."""
    ### BEGIN SOLUTION
    torch.manual_seed(0)
    shapes = {"W": (2, 6), "s": (2,), "V": (6, 2)}
    weights = {name: (0.1 * torch.randn(shape)).requires_grad_() for name, shape in shapes.items()}
    steps = 1500
    optimiser = torch.optim.Adam(weights.values(), lr=0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        x = draw_data(512)
        mean, std = x @ weights["W"].T, weights["s"].exp()
        z = mean + std * torch.randn_like(mean)
        log_prob = torch.distributions.Normal(z @ weights["V"].T, 1.0).log_prob(x).sum(1)
        kl = 0.5 * (mean**2 + std**2 - 1 - 2 * std.log()).sum(1)
        optimiser.zero_grad()
        (-log_prob + beta * kl).mean().backward()
        optimiser.step()
        schedule.step()
    return {name: weight.detach() for name, weight in weights.items()}
    ### END SOLUTION


if weights_file.exists():
    print("Trained before. To train again, run weights_file.unlink() and then this cell.")
else:
    try:
        save_file(train(beta=4.0), weights_file)
    except NotImplementedError:
        print("train is not written yet: there are no weights to save.")

# %% [markdown] interpret
# ### BEGIN SOLUTION
# **A good answer.** beta multiplies MI_q and KL(q(z) || p(z)) alike. Above 1 it prices what z tells about x, so the
# reconstruction gets worse by what the decoder no longer hears; dimensions whose information is worth less than its
# price fall back to the prior. That the surviving dimensions line up with factors is an observation on some data with
# some architectures, not a consequence of the loss: a rotation of z leaves MI_q and, with an isotropic prior,
# KL(q(z) || p(z)) as they are.
#
# **Rubric.** 1 point: names both terms that beta weighs. 1 point: says what is lost and why. 1 point: says when a
# dimension collapses. 1 point: says that disentanglement does not follow from the loss, with the reason.
# ### END SOLUTION
