r"""log of a mixture of Gaussians at N points, in O(N) memory: q(z) and its marginals, and so MI and TC.

    L_i = log sum_j e^{b [i = j] + l_ij},  l_ij = sum_d -(t_ijd)^2 / 2 - log sigma_jd - log(2 pi) / 2

with t_ijd = (z_id - mu_jd) / sigma_jd and b a bonus for a point's own component, which minibatch-stratified sampling
needs (``objectives.minibatch``). The sum streams: of each tile, the greatest l so far and sum e^{l - greatest}
are kept, and rescaled when the greatest grows. ``marginals`` does the same for each dimension by itself, (N, d).

With the share p_ij = e^{b [i = j] + l_ij - L_i} of component j in point i, and an upstream gradient u_i,

    dz_id     = -u_i sum_j p_ij t_ijd / sigma_jd       one sweep a point
    dmu_jd    =  sum_i u_i p_ij t_ijd / sigma_jd       one sweep a component
    dsigma_jd =  sum_i u_i p_ij (t_ijd^2 - 1) / sigma_jd

so each row, and each column, is one program's. (D16; Chen et al. 2018, eq. 2; for the sum that is rescaled, Milakov
and Gimelshein 2018.)
"""

from dgm_tutor.kernels.mixture.op import log_mixture

__all__ = ["log_mixture"]
