r"""A VAE's terms, fused: a posterior sample whose noise is never stored, its KL, and a Bernoulli's likelihood.

    z = mu + sigma eps      KL = sum_d (mu^2 + sigma^2 - 1) / 2 - log sigma      log p(x|z) = sum_d x l - log(1 + e^l)

eps_i belongs to (seed, offset, i) alone: Philox4x32-10 (Salmon et al. 2011), with i and the offset as its counter and
the seed as its key, gives four words, of which two make a normal number (Box and Muller 1958):

    u = ((w_0 >> 8) + 1) 2^-24      v = (w_1 >> 8) 2^-24      eps = sqrt(-2 log u) cos(2 pi v)

24 bits are what float32 holds, so u and v are the same numbers in every precision. Another offset is another counter:
draws of different offsets share no noise, whatever their size. Backwards, the noise is made again, with g and k the
gradients in z and KL:

    dmu = g + k mu      dlog sigma = g sigma eps + k (sigma^2 - 1)      dl = x - sigmoid(l)

Teaching material: nothing here changes the order of the formula, so PyTorch's own compiler (Inductor) gets it too. The
models draw torch's own noise.
"""

from dgm_tutor.kernels.elbo.op import log_bernoulli, new_state, sample_and_kl

__all__ = ["log_bernoulli", "new_state", "sample_and_kl"]
