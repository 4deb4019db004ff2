"""D16: the beta-VAE's loss as information and divergences (section 10). beta > 1 is a price on MI_q(x; z)."""

from . import terms as t
from .coefficients import Parameter
from .derivation import Derivation, Line, Slip

BETA = Parameter("beta", low=0.1, high=10.0, log=True, default=2.0)
beta = BETA.symbol

D16 = Derivation(
    name="D16",
    title="What beta weighs",
    section="10 beta-VAE (minimised)",
    parameters=(BETA,),
    lines=(
        Line(
            {t.reconstruction: -1, t.rate: beta},
            "the loss as it is trained (Higgins et al. 2017); the data's mean is part of it",
            relation=":=",
            symbol=r"\mathcal{L}_\beta",
            allowed=(t.reconstruction, t.rate, t.kl_aggregate),
            slips=(
                Slip(
                    "beta on the wrong term",
                    {t.reconstruction: -beta, t.rate: 1},
                    "beta multiplies the KL to the prior, not the reconstruction",
                ),
                Slip(
                    "the rate rewarded",
                    {t.reconstruction: -1, t.rate: -beta},
                    "the loss is minimised, so the KL to the prior is added",
                ),
            ),
        ),
        Line(
            {t.reconstruction: -1, t.mi_q: beta, t.kl_aggregate: beta},
            r"split the rate at the aggregate posterior: $\log \frac{q(z \mid x)}{p(z)} = "
            r"\log \frac{q(z \mid x)}{q(z)} + \log \frac{q(z)}{p(z)}$ (Hoffman and Johnson 2016)",
            allowed=(t.reconstruction, t.mi_q, t.mi_p, t.kl_aggregate, t.kl_aggregate_reverse),
            slips=(
                Slip(
                    "beta on half of the rate",
                    {t.reconstruction: -1, t.mi_q: 1, t.kl_aggregate: beta},
                    "beta multiplies both halves; weighing only one of them is another model",
                    "compare beta-TCVAE, Chen et al. 2018",
                ),
                Slip(
                    "beta on the information only",
                    {t.reconstruction: -1, t.mi_q: beta, t.kl_aggregate: 1},
                    "beta multiplies both halves of the rate",
                ),
                Slip(
                    "sign of MI",
                    {t.reconstruction: -1, t.mi_q: -beta, t.kl_aggregate: beta},
                    "information costs rate: the rate is MI_q plus KL(q(z) || p(z))",
                ),
                Slip(
                    "MI under p",
                    {t.reconstruction: -1, t.mi_p: beta, t.kl_aggregate: beta},
                    "the rate is averaged over q(x,z), and so is its mutual information",
                ),
                Slip(
                    "KL direction swapped",
                    {t.reconstruction: -1, t.mi_q: beta, t.kl_aggregate_reverse: beta},
                    "the mean is taken under q, so q(z) stands first in the KL",
                ),
            ),
        ),
        Line(
            {t.mi_q: beta, t.kl_aggregate: beta, t.kl_likelihood: 1, t.entropy_reverse_decoder: 1},
            r"a cross entropy is an entropy plus a KL: $-\log p_\theta(x \mid z) = "
            r"-\log q(x \mid z) + \log \frac{q(x \mid z)}{p_\theta(x \mid z)}$",
            allowed=(t.mi_q, t.kl_aggregate, t.kl_likelihood, t.entropy_reverse_decoder, t.entropy_prior),
            slips=(
                Slip(
                    "H(x|z) forgotten",
                    {t.mi_q: beta, t.kl_aggregate: beta, t.kl_likelihood: 1},
                    "a perfect decoder still pays the entropy that z leaves in x",
                ),
                Slip(
                    "sign of the KL",
                    {t.mi_q: beta, t.kl_aggregate: beta, t.kl_likelihood: -1, t.entropy_reverse_decoder: 1},
                    "a wrong decoder makes the reconstruction worse: cross entropy is entropy plus KL",
                ),
            ),
        ),
        Line(
            {t.mi_q: beta - 1, t.kl_aggregate: beta, t.kl_likelihood: 1, t.entropy_data: 1},
            r"what $z$ leaves open is what is open less what it tells: $H_q(x \mid z) = H(p_{\mathrm{data}}) - "
            r"\mathrm{MI}_q(x;z)$",
            allowed=(t.mi_q, t.mi_p, t.kl_aggregate, t.kl_likelihood, t.entropy_data, t.entropy_posterior),
            slips=(
                Slip(
                    "beta for beta - 1",
                    {t.mi_q: beta, t.kl_aggregate: beta, t.kl_likelihood: 1, t.entropy_data: 1},
                    "the decoder pays back one MI_q: at beta = 1 information costs nothing",
                ),
                Slip(
                    "sign of MI",
                    {t.mi_q: 1 - beta, t.kl_aggregate: beta, t.kl_likelihood: 1, t.entropy_data: 1},
                    "beta > 1 penalises information in a loss that is minimised: its weight is beta - 1",
                ),
                Slip(
                    "MI added twice",
                    {t.mi_q: beta + 1, t.kl_aggregate: beta, t.kl_likelihood: 1, t.entropy_data: 1},
                    "H_q(x|z) is H(p_data) minus MI_q",
                ),
                Slip(
                    "beta - 1 on the aggregate",
                    {t.mi_q: beta, t.kl_aggregate: beta - 1, t.kl_likelihood: 1, t.entropy_data: 1},
                    "the decoder's share comes off the mutual information, not off KL(q(z) || p(z))",
                ),
                Slip(
                    "beta - 1 on both",
                    {t.mi_q: beta - 1, t.kl_aggregate: beta - 1, t.kl_likelihood: 1, t.entropy_data: 1},
                    "only the mutual information appears in the reconstruction",
                ),
                Slip(
                    "dropped H(p_data)",
                    {t.mi_q: beta - 1, t.kl_aggregate: beta, t.kl_likelihood: 1},
                    "H(p_data) moves no gradient, but without it the two sides are not equal",
                    "lecture 12, 'beta-VAE': 'up to constants'",
                ),
                Slip(
                    "MI under p",
                    {t.mi_p: beta - 1, t.kl_aggregate: beta, t.kl_likelihood: 1, t.entropy_data: 1},
                    "the loss is averaged over q(x,z), and so is its mutual information",
                ),
            ),
        ),
    ),
)
