"""D12: the ELBO as one divergence between two joints (section 7), and exactly when nothing is left to gain."""

from . import terms as t
from .derivation import Derivation, Equality, Line, Slip
from .worlds import altered, optimal, with_model_data, with_true_posterior

D12 = Derivation(
    name="D12",
    title="Maximising the ELBO is matching two joints",
    section="7 Adversarial autoencoder, VAE + GAN (maximised)",
    lines=(
        Line({t.elbo: 1}, "the ELBO, averaged over the data", relation=""),
        Line(
            {t.log_p_joint: 1, t.log_posterior: -1},
            "its definition",
            allowed=(t.log_p_joint, t.log_posterior, t.log_true_posterior, t.log_prior),
            slips=(
                Slip(
                    "sign of the entropy",
                    {t.log_p_joint: 1, t.log_posterior: 1},
                    "log q(z|x) is subtracted: the ELBO rewards a posterior with high entropy",
                ),
                Slip(
                    "p for q in the posterior",
                    {t.log_p_joint: 1, t.log_true_posterior: -1},
                    "with p(z|x) this is log p(x) itself, and no bound",
                ),
            ),
        ),
        Line(
            {t.log_p_joint: 1, t.log_q_joint: -1, t.log_data: 1},
            r"$q(x,z) = p_{\mathrm{data}}(x)\, q(z \mid x)$",
            allowed=(t.log_p_joint, t.log_q_joint, t.log_data, t.log_likelihood),
            slips=(
                Slip(
                    "p_data forgotten",
                    {t.log_p_joint: 1, t.log_q_joint: -1},
                    "log q(z|x) is log q(x,z) minus log p_data(x)",
                ),
                Slip(
                    "sign of log p_data",
                    {t.log_p_joint: 1, t.log_q_joint: -1, t.log_data: -1},
                    "minus log q(z|x) is minus log q(x,z) plus log p_data(x)",
                ),
            ),
        ),
        Line(
            {t.kl_joint: -1, t.entropy_data: -1},
            "the first two terms are minus a KL divergence, the last minus an entropy: "
            r"maximising over $\theta$ and $\phi$ is minimising $D_{\mathrm{KL}}(q(x,z) \| p(x,z))$",
            allowed=(t.kl_joint, t.entropy_data, t.entropy_posterior, t.mi_q),
            slips=(
                Slip("sign of KL", {t.kl_joint: 1, t.entropy_data: -1}, "log p - log q under q is minus the KL"),
                Slip(
                    "dropped H(p_data)",
                    {t.kl_joint: -1},
                    "H(p_data) does not depend on theta or phi, but without it the two sides are not equal",
                    "lecture 12 writes the VAE objective without it",
                ),
                Slip("sign of H(p_data)", {t.kl_joint: -1, t.entropy_data: 1}, "E[log p_data] is minus the entropy"),
            ),
        ),
        Line(
            {t.kl_data: -1, t.kl_posterior: -1, t.entropy_data: -1},
            "the chain rule of KL, first over $x$, then over $z$ given $x$",
            allowed=(t.kl_data, t.kl_posterior, t.kl_posterior_model, t.entropy_data, t.mi_q),
            slips=(
                Slip(
                    "averaged over the model",
                    {t.kl_data: -1, t.kl_posterior_model: -1, t.entropy_data: -1},
                    "the second KL is averaged over p_data, the first argument's marginal, and has q(z|x) first",
                ),
                Slip(
                    "posterior gap forgotten",
                    {t.kl_data: -1, t.entropy_data: -1},
                    "joints can differ while their marginals agree",
                ),
            ),
        ),
        Line(
            {t.entropy_data: -1},
            "neither divergence is negative, so no model does better",
            relation="<=",
            allowed=(t.entropy_data, t.mi_q, t.entropy_posterior),
            slips=(
                Slip(
                    "sign of H(p_data)",
                    {t.entropy_data: 1},
                    "the best mean log-likelihood is minus the entropy of the data",
                ),
            ),
            equality=Equality(
                r"$p_\theta = p_{\mathrm{data}}$ and $q(z \mid x) = p_\theta(z \mid x)$",
                holds=altered(optimal),
                fails=(altered(with_true_posterior), altered(with_model_data)),
            ),
        ),
    ),
)
