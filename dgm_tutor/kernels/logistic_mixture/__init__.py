"""Mixtures of discretised logistics: log P(x), its gradient, and draws.

    log P(x) = log sum_k pi_k [sigma(a_k) - sigma(b_k)],   a, b = (x +- half - mu_k) e^-s_k,   w = a - b
             = log sum_k exp(log pi_k + log sigma(a_k) + log sigma(-b_k) + log(1 - e^-w_k))

The factors are exact where the difference cancels, so there is no threshold below which a density takes its place;
the first bin is sigma(a) alone and the last one sigma(-b). With r_k = p(k|x):

    d/d logit_k: r_k - pi_k
    d/d mu_k:    -r_k e^-s_k (sigma(-a_k) - sigma(b_k))
    d/d s_k:     -r_k (a_k sigma(-a_k) - b_k sigma(b_k) + w_k / (e^w_k - 1))

A draw takes one uniform number a pixel: its place among the cumulated pi picks the component, and where it falls
within that component's share is uniform again and goes through the logistic's quantile.
"""

from dgm_tutor.kernels.logistic_mixture.op import draw, log_prob
from dgm_tutor.kernels.logistic_mixture.torch import choose, discretised_logistic

__all__ = ["choose", "discretised_logistic", "draw", "log_prob"]
