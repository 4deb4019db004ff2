# %% Title [markdown]
# # Kernels: from the formula to the tile
#
# For those who want to see under the hood. Some sums of this course are too large to be written down as they stand:
# an MMD over 8,192 points is a sum over 67 million pairs. On a GPU such a sum is taken by a *kernel*, a small program
# that runs many times side by side. On this page you write one, watch it work on a machine without a GPU, and work out
# what it can gain.
#
# Nothing here needs a GPU: the kernels run in Triton's *interpreter*, slowly and in plain view. **No speed on this page
# is measured**: whatever is said of GPUs follows from counted bytes, and is an estimate. Triton exists for Linux (and
# Colab) only; on macOS and Windows the cells say so and the text reads on.

# %% Set up
import os

os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported: it is read when a kernel is defined

import torch

from dgm_tutor import figures
from dgm_tutor.kernels import lesson
from dgm_tutor.kernels.backend import installed
from dgm_tutor.widgets import accessible

accessible()
READY = installed()
triton, tl = lesson.triton()
print("Triton is here." if READY else "There is no Triton on this system: read on, and run this page on Colab.")

# %% The formula [markdown]
# ## The formula
#
# Half of an MMD is a sum over all pairs of points $z_i \in \mathbb{R}^d$ (InfoVAE, section 8):
#
# $$s_i = \sum_{j \ne i} k(z_i, z_j), \qquad k(a, b) = e^{-|a - b|^2}.$$
#
# As torch writes it, the whole matrix of pairs goes to memory, and comes back, once for every operation in the formula.
# Let us count that, with the gradient, for 1,024 points of 20 dimensions.

# %% Count what the formula moves
from dgm_tutor.kernels.pairwise import oracle

n, d = 1024, 20
x, y = torch.randn(n // 2, d, requires_grad=True), torch.randn(n // 2, d)
with lesson.Counted() as eager:
    oracle.squared_mmd(x, y, "rbf", 2.0 * d, unbiased=True).backward()
print(f"{eager.operations} operations of torch, {eager.bytes / 1e6:.0f} MB through memory")
print(f"the points themselves: {n * d * 4 / 1e6:.2f} MB")

# %% A tile [markdown]
# ## A tile
#
# Row $i$ needs all points, and no other row. So give a few rows to one *program*, let the points stream by in *tiles*,
# and keep the sum where computing happens, in registers: no pair is ever written down. Points are stored coordinate by
# coordinate, $(d, N)$, so that neighbours in memory are neighbours in a tile.
#
# A tile is always full. Where the points end inside it, a *mask* says what is real.


# %% Write the kernel
@triton.jit
def row_sums(z, out, n, d, OWN: tl.constexpr, STREAM: tl.constexpr):
    own = tl.program_id(0) * OWN + tl.arange(0, OWN)  # the rows of this program
    total = tl.zeros((OWN,), z.dtype.element_ty)
    for start in range(0, n, STREAM):
        other = start + tl.arange(0, STREAM)
        r = tl.zeros((OWN, STREAM), z.dtype.element_ty)
        for c in range(d):
            a = tl.load(z + c * n + own, mask=own < n, other=0)
            b = tl.load(z + c * n + other, mask=other < n, other=0)
            r += (a[:, None] - b[None, :]) * (a[:, None] - b[None, :])
        total += tl.sum(tl.exp(-r), axis=1)  # <- look here
    tl.store(out + own, total, mask=own < n)


# %% Launch it
def launch(z):
    """Row sums of z (d, N), four rows a program, tiles of four."""
    out = torch.empty(z.shape[1], dtype=z.dtype)
    row_sums[(triton.cdiv(z.shape[1], 4),)](z, out, z.shape[1], z.shape[0], OWN=4, STREAM=4)
    return out


if READY:
    print(lesson.check_row_sums(launch))

# %% Exercise one [markdown]
# ### Exercise: two pairs too many
#
# The kernel above is wrong in two ways, both at the line marked *look here*. With one point the sum over $j \ne i$ is
# empty, and the kernel says 2.8: a point paired with itself, and three points that are not there. One mask mends both:
# keep $e^{-r}$ where `other < n` *and* `own` differs from `other`, and take 0 elsewhere (`tl.where`). Change the cell,
# run it and the launch again. *Easy, 5 minutes.*
#
# <details><summary>Hint 1: shapes</summary>
#
# `r` is `(OWN, STREAM)`; `own[:, None]` and `other[None, :]` are a column and a row that fill it.
# </details>
# <details><summary>Hint 2: nearly the answer</summary>
#
# `keep = (other < n)[None, :] & (own[:, None] != other[None, :])`, then `tl.where(keep, tl.exp(-r), 0)`.
# </details>

# %% The interpreter [markdown]
# ## The interpreter as a microscope
#
# Interpreted, a kernel is a Python function that runs once for each program, one after another, on numpy arrays. So one
# can look inside: print a tile, stop in a debugger, count. Here is who reads what when six points meet tiles of four.
# (On a GPU the programs run at once, in any order. A kernel that is right only in this order would look right here:
# that is what the interpreter cannot show, and why no program of ours writes where another one reads.)


# %% Look inside
@triton.jit
def watched(n, OWN: tl.constexpr, STREAM: tl.constexpr):
    own = tl.program_id(0) * OWN + tl.arange(0, OWN)
    for start in range(0, n, STREAM):
        other = start + tl.arange(0, STREAM)
        keep = (own < n)[:, None] & (other < n)[None, :] & (own[:, None] != other[None, :])
        print("program", tl.program_id(0), "tile from", start, "pairs", tl.sum(keep.to(tl.int32)))


if READY:
    watched[(2,)](6, OWN=4, STREAM=4)

# %% A sum that overflows [markdown]
# ## A sum that would overflow
#
# The aggregate posterior is a mixture, $\log q(z_i) = \log \frac1N \sum_j q(z_i \mid x_j)$, and its densities can be
# $e^{-10{,}000}$. So one keeps the greatest exponent $m$ seen so far and $\sum e^{l - m}$; when a tile brings a greater
# one, what was summed before was measured against the old $m$ and must be *rescaled* by $e^{m_{\text{old}} - m}$.


# %% Write the streaming sum
@triton.jit
def log_sums(values, out, m, STREAM: tl.constexpr):
    row = tl.program_id(0)
    greatest = tl.full((1,), -float("inf"), values.dtype.element_ty)
    total = tl.zeros((1,), values.dtype.element_ty)
    for start in range(0, m, STREAM):
        at = start + tl.arange(0, STREAM)
        tile = tl.load(values + row * m + at, mask=at < m, other=-float("inf"))
        new = tl.maximum(greatest, tl.max(tile))
        # something is missing here:
        total = total + tl.sum(tl.exp(tile - new))
        greatest = new
    tl.store(out + row + tl.arange(0, 1), greatest + tl.log(total))


# %% Launch the streaming sum
def launch_log_sums(values):
    """Log-sum-exp of each row of values (N, M), tiles of four."""
    out = torch.empty(len(values), dtype=values.dtype)
    log_sums[(len(values),)](values.contiguous(), out, values.shape[1], STREAM=4)
    return out


if READY:
    print(lesson.check_log_sums(launch_log_sums))

# %% Exercise two [markdown]
# ### Exercise: rescale
#
# Put the rescaling in. *Easy, 3 minutes.* The package's own kernel, `dgm_tutor/kernels/mixture/triton.py`, does the
# same for the densities it computes on the way, and knows one more trap: a row in which everything so far is
# $-\infty$.
#
# <details><summary>Hint</summary>
#
# `total * tl.exp(greatest - new)`: everything in `total` was divided by $e^{\text{greatest}}$.
# </details>

# %% Noise [markdown]
# ## Noise that is never stored
#
# A VAE's step draws $\epsilon$, makes $z = \mu + \sigma\epsilon$, and adds up a KL. In one kernel the noise need not
# exist in memory at all: *Philox*, a counter-based generator, gives the number that belongs to a seed and a position,
# any time it is asked. Backwards, it is asked again.
#
# This one is here to be read, not to be used. Nothing in it changes the order of the formula: operations follow one
# another, and `torch.compile` fuses them just as well, noise included. What it saves against eager torch, trips to
# memory, the compiler saves too. The course's models draw torch's own noise.


# %% Write the noisy kernel
@triton.jit
def sample_and_rate(mu, log_sigma, z, rate, seed, d, WIDTH: tl.constexpr):
    row = tl.program_id(0)
    at = row * d + tl.arange(0, WIDTH)
    real = tl.arange(0, WIDTH) < d
    mean = tl.load(mu + at, mask=real, other=0)
    log_std = tl.load(log_sigma + at, mask=real, other=0)
    noise = tl.randn(seed, at)  # from seed and position alone
    tl.store(z + at, mean + tl.exp(log_std) * noise, mask=real)
    kl = 0.5 * (tl.exp(2 * log_std) + mean * mean - 1) - log_std
    tl.store(rate + row, tl.sum(tl.where(real, kl, 0)))


# %% Launch the noisy kernel
mu, log_sigma = torch.randn(500, 6), 0.3 * torch.randn(500, 6)
if READY:
    z, again, rate = torch.empty_like(mu), torch.empty_like(mu), torch.empty(500)
    sample_and_rate[(500,)](mu, log_sigma, z, rate, 2, 6, WIDTH=8)
    sample_and_rate[(500,)](mu, log_sigma, again, rate, 2, 6, WIDTH=8)
    eps = (z - mu) / log_sigma.exp()
    posterior, prior = torch.distributions.Normal(mu, log_sigma.exp()), torch.distributions.Normal(0.0, 1.0)
    wrong = (rate - torch.distributions.kl_divergence(posterior, prior).sum(1)).abs().max()
    print(f"noise: mean {eps.mean():.3f}, standard deviation {eps.std():.3f}; the same again: {z.equal(again)}")
    print(f"rate against torch's own KL: off by {wrong:.1e} nats at most")

# %% There and back [markdown]
# The package's version, `dgm_tutor/kernels/elbo`, has the way back as well: $d\log\sigma = g\,\sigma\epsilon + \dots$
# needs the very noise of the way there, and calls for it again. Let us hold it against autograd, with the noise stored,
# and count the bytes of both.

# %% Make the noise again
from dgm_tutor.kernels import elbo

leaves = mu.requires_grad_(), log_sigma.requires_grad_()
z, kl = elbo.sample_and_kl(*leaves, elbo.new_state())
made_again = torch.autograd.grad(z.square().sum() + kl.sum(), leaves)

# %% Store the noise
eps = ((z - mu) / log_sigma.exp()).detach()
with lesson.Counted() as stored:
    z = mu + log_sigma.exp() * eps
    kl = (0.5 * (mu.square() + (2 * log_sigma).exp() - 1) - log_sigma).sum(1)
    gradients = torch.autograd.grad((z, kl), leaves, (2 * z.detach(), torch.ones(500)))

# %% Compare the two
wrong = max((a - b).abs().max() for a, b in zip(made_again, gradients, strict=True))
print(f"gradients, noise made again against noise stored: off by {wrong:.1e} at most")
print(f"stored: {stored.operations} operations of torch, {stored.bytes / 1e3:.0f} KB through memory")
if READY:
    from dgm_tutor.kernels.elbo.triton import traffic

    made = traffic(*mu.shape)
    print(f"made again: {made['launches']} launches, {made['bytes'] / 1e3:.0f} KB")

# %% Roofline [markdown]
# ## What can it gain?
#
# A chip computes at most so many operations a second, and reads at most so many bytes. What a program can reach depends
# on how much it computes with each byte: below the corner of the *roofline* the memory is the limit, above it the
# arithmetic. The formula, operation by operation, does less than one operation a byte. Tile by tile every byte is used
# thousands of times. Peaks are the published ones (float32, no matrix units); the marks are counted, not measured.

# %% Draw the roofline
N = 8192
scale = (N / n) ** 2  # all of the formula's traffic is over pairs
pairs = N * N
work = {"the formula": (pairs * (3 * d + 60), eager.bytes * scale)}
if READY:
    from dgm_tutor.kernels.pairwise.triton import traffic

    counted = traffic(N // 2, N // 2, d)
    work["tile by tile"] = (counted["operations"], counted["bytes"])
for chip in lesson.CHIPS:
    least = {name: chip.seconds(*amounts) for name, amounts in work.items()}
    print(f"{chip.name:>5}: " + ", ".join(f"{name} {1e3 * t:.2f} ms at least" for name, t in least.items()))
figures.kernels.roofline(lesson.CHIPS, work)

# %% Machine code [markdown]
# ## Machine code without the machine
#
# Triton compiles for GPUs that are not there. NVIDIA's assembler then says what a program takes: registers (a thread
# has 255 at most; what does not fit is *spilled* to memory, which costs the gain) and shared memory (48 KB on a T4,
# sm_75). These numbers are held in a lock file, and a test fails when they change.

# %% Compile ahead of time
if READY:
    for row in lesson.registers("pairwise"):
        print(f"{row['chip']}: {row['registers']} registers, {row['spilled']} bytes spilled, {row['shared']} shared")

# %% Take away [markdown]
# ## What to take away
#
# - A kernel pays where a compiler cannot get there: where the formula's *order* must change (a sum that never writes
#   its pairs down, a sampler that keeps its cache), not where operations merely follow one another.
# - Most of the gain is the algorithm, and a CPU has it too: the package's twins in plain torch work tile by tile.
# - A wrong kernel looks fast. Ours are held to a formula in float64, at sizes around the tile, with deliberately wrong
#   kernels to prove that the tests can fail: see `docs/kernels.md`.
#
# **Sources.** Williams et al., *Roofline*, CACM 2009. Milakov and Gimelshein, *Online normalizer calculation for
# softmax*, 2018. Tillet et al., *Triton*, MAPL 2019. Salmon et al., *Parallel random numbers*, SC 2011. Gretton et al.,
# *A kernel two-sample test*, JMLR 2012. Peaks: NVIDIA's data sheets of T4, A100 (SXM, 40 GB) and H100 (SXM).
