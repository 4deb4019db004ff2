# %% [markdown] title
# # The beta-VAE

# %% setup
import torch
from dgm_tutor.checks import check, hint
from torch.distributions import kl_divergence


# %% loss
def beta_vae_loss(x, posterior, prior, decoder, beta):
    ### BEGIN SOLUTION
    z = posterior.rsample()
    reconstruction = -decoder(z).log_prob(x)
    return (reconstruction + beta * kl_divergence(posterior, prior)).mean()
    ### END SOLUTION
