"""D11: three identities of the ELBO (section 7): against the likelihood, as a divergence, against the AAE."""

from . import terms as t
from .derivation import Derivation, Equality, Line, Slip
from .worlds import altered, generic_worlds, with_true_posterior

D11 = Derivation(
    name="D11",
    title="The ELBO is regularised maximum likelihood",
    section="7 Adversarial autoencoder, VAE + GAN (maximised)",
    lines=(
        Line(
            {t.log_likelihood: 1},
            r"the log-likelihood, averaged over the data; what holds for every $p_{\mathrm{data}}$ holds for every $x$",
            relation="",
        ),
        Line(
            {t.log_p_joint: 1, t.log_true_posterior: -1},
            r"Bayes: $p_\theta(x) = p(x,z) / p_\theta(z \mid x)$ for every $z$, so also on average over $q(z \mid x)$",
            allowed=(t.log_p_joint, t.log_true_posterior, t.log_posterior, t.log_prior),
            slips=(
                Slip(
                    "q for p in the posterior",
                    {t.log_p_joint: 1, t.log_posterior: -1},
                    "dividing by q(z|x) gives the ELBO; Bayes' rule divides by the true posterior p(z|x)",
                ),
                Slip(
                    "product for quotient",
                    {t.log_p_joint: 1, t.log_true_posterior: 1},
                    "p(x) is the joint divided by the posterior: its log is subtracted",
                ),
            ),
        ),
        Line(
            {t.elbo: 1, t.kl_posterior: 1},
            r"add and subtract $\log q(z \mid x)$",
            allowed=(t.elbo, t.kl_posterior, t.kl_posterior_reverse, t.kl_posterior_model, t.rate),
            slips=(
                Slip(
                    "sign of the gap",
                    {t.elbo: 1, t.kl_posterior: -1},
                    "the ELBO lies below log p(x), so the KL is added to it",
                ),
                Slip(
                    "KL direction swapped",
                    {t.elbo: 1, t.kl_posterior_reverse: 1},
                    "the mean is taken under q(z|x), so q(z|x) stands first in the KL",
                ),
                Slip(
                    "prior for posterior",
                    {t.elbo: 1, t.rate: 1},
                    "the gap is the distance to the true posterior p(z|x); that to the prior is inside the ELBO",
                ),
            ),
        ),
        Line(
            {t.elbo: 1},
            "a KL divergence is never negative",
            relation=">=",
            allowed=(t.elbo, t.rate, t.mi_q),
            slips=(
                Slip(
                    "KL to the prior subtracted twice",
                    {t.elbo: 1, t.rate: -1},
                    "the ELBO already holds the KL to the prior",
                ),
            ),
            equality=Equality(
                r"$q(z \mid x) = p_\theta(z \mid x)$",
                holds=altered(with_true_posterior),
                fails=(generic_worlds,),
            ),
        ),
        Line({t.elbo: 1}, "now the other way: what does maximising the ELBO do?", relation=""),
        Line(
            {t.log_likelihood: 1, t.kl_posterior: -1},
            "the identity above",
            allowed=(t.log_likelihood, t.kl_posterior, t.kl_posterior_reverse, t.rate),
            slips=(
                Slip(
                    "sign of the gap",
                    {t.log_likelihood: 1, t.kl_posterior: 1},
                    "the ELBO is below log p(x): the KL is subtracted",
                ),
                Slip(
                    "KL direction swapped",
                    {t.log_likelihood: 1, t.kl_posterior_reverse: -1},
                    "the mean is taken under q(z|x), so q(z|x) stands first in the KL",
                ),
            ),
        ),
        Line(
            {t.kl_data: -1, t.kl_posterior: -1, t.entropy_data: -1},
            r"maximum likelihood is minimum KL: $\mathbb{E}_{p_{\mathrm{data}}}[\log p_\theta] = "
            r"-D_{\mathrm{KL}}(p_{\mathrm{data}} \| p_\theta) - H(p_{\mathrm{data}})$",
            allowed=(t.kl_data, t.kl_data_reverse, t.kl_posterior, t.entropy_data, t.entropy_posterior),
            slips=(
                Slip(
                    "lost first minus",
                    {t.kl_data: 1, t.kl_posterior: -1, t.entropy_data: -1},
                    "the ELBO rewards a small KL(p_data || p_theta): its sign is minus",
                    "the extracted text of lecture 12's slide, 'VAE + GAN'",
                ),
                Slip(
                    "dropped H(p_data)",
                    {t.kl_data: -1, t.kl_posterior: -1},
                    "H(p_data) does not depend on theta or phi, but without it the two sides are not equal",
                    "lecture 12, 'VAE + GAN', writes the objective without it",
                ),
                Slip(
                    "sign of H(p_data)",
                    {t.kl_data: -1, t.kl_posterior: -1, t.entropy_data: 1},
                    "E[log p_data] is minus the entropy",
                ),
                Slip(
                    "KL direction swapped",
                    {t.kl_data_reverse: -1, t.kl_posterior: -1, t.entropy_data: -1},
                    "maximum likelihood averages over the data, so p_data stands first in the KL",
                ),
            ),
        ),
        Line(
            {t.reconstruction: 1, t.kl_aggregate: -1},
            r"the adversarial autoencoder's objective with $D = D_{\mathrm{KL}}$",
            relation=":=",
            symbol=r"\mathcal{L}_{\mathrm{AAE}}",
        ),
        Line(
            {t.reconstruction: 1, t.rate: -1, t.mi_q: 1},
            r"the rate is $\mathrm{MI}_q(x;z) + D_{\mathrm{KL}}(q(z) \| p(z))$: "
            r"split $\log \frac{q(z \mid x)}{p(z)}$ at $\log q(z)$",
            allowed=(t.reconstruction, t.rate, t.mi_q, t.mi_p),
            slips=(
                Slip(
                    "sign of MI",
                    {t.reconstruction: 1, t.rate: -1, t.mi_q: -1},
                    "the rate is larger than KL(q(z) || p(z)) by MI_q: what was subtracted too much is added back",
                ),
                Slip(
                    "rate for aggregate",
                    {t.reconstruction: 1, t.rate: -1},
                    "matching q(z) to p(z) is less than matching every q(z|x) to it: the difference is MI_q",
                ),
                Slip(
                    "MI under p",
                    {t.reconstruction: 1, t.rate: -1, t.mi_p: 1},
                    "everything here is averaged over q(x,z), and so is the mutual information",
                ),
            ),
        ),
        Line(
            {t.elbo: 1, t.mi_q: 1},
            "reconstruction minus rate is the ELBO: an AAE is an ELBO that is paid for information",
            allowed=(t.elbo, t.mi_q, t.mi_p, t.kl_posterior),
            slips=(
                Slip(
                    "sign of MI",
                    {t.elbo: 1, t.mi_q: -1},
                    "the AAE's penalty is the smaller one, so it is above the ELBO",
                ),
                Slip(
                    "MI forgotten",
                    {t.elbo: 1},
                    "the AAE is not the ELBO: KL(q(z) || p(z)) is less than the rate",
                ),
            ),
        ),
    ),
)
