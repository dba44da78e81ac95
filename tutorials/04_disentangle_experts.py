# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 4. Disentangle experts with CovLoss
#
# **What you will do.** Compute the covariance loss of Eq. (6) on a blackboard, derive its gradient in three lines, let
# it drive three experts apart, and measure what it says of a sample of 32 rows.
#
# **What you will learn.** How to differentiate a loss made of a matrix with itself; why a mean that is subtracted may
# need no gradient; what to do where there is no derivative; why $|\cdot|$ of a noisy number is too large.
#
# **What you need.** [Tutorial 1](01_differentiate_one_layer.ipynb), and of
# [tutorial 3](03_mix_experts_with_a_gate.ipynb) only what an expert is. Of statistics, what a covariance is.
#
# **Equations:** Eq. (6)
#
# <!-- links: written by python -m tutorials.publish.equations -->
# - [Eq. (6)](reference/equations.md#eq-6):
#   [`covariance`](../croco_np/losses/covariance.py#L10), [test by hand](../tests/layers/test_by_hand.py#L65),
#   [in this lesson](#The-loss-on-a-blackboard)
# <!-- end of links -->

# %% tags=["hide-input"]
import time

import numpy as np
from threadpoolctl import threadpool_limits

from croco_np.diagnostics import covariance_map
from croco_np.diagnostics.covariance import between_experts
from croco_np.gradcheck import assert_ok, check, report
from croco_np.layers import Experts
from croco_np.losses import covariance
from croco_np.teaching import catches, grade, show
from croco_np.teaching.pictures import chart, you_are_here
from croco_np.teaching.pictures.lesson04 import blocks, fading, samples

np.set_printoptions(precision=4, suppress=True)

# %% [markdown]
# A gate that mixes experts is of use only if the experts say different things. **CovLoss** measures how much they say
# the same: the covariance of every output of one expert with every output of another. Four rows, two experts of two
# outputs each:

# %%
O1 = np.array([[0.0, 0], [2, 0], [0, 2], [2, 2]])
O2 = np.array([[0.0, 3], [4, 1], [0, 0], [4, 0]])
small = np.stack([O1, O2], axis=1)  # (B, M, K) = (4, 2, 2), the library's layout

# %% tags=["hide-input"]
blocks(small)

# %% [markdown]
# ## The loss on a blackboard
#
# Formulas and pictures count experts, rows and outputs from 1, as the paper does, and arrays from 0: expert 1 is
# `small[:, 0]`.
#
# **Centre.** $Z$ holds all outputs side by side, each column minus its mean: $(1, 1)$ for expert 1 and $(2, 1)$
# for expert 2. A tilde marks what is centred, so $Z = [\tilde O_1 \; \tilde O_2]$.
#
# **Multiply.** An entry of $C = Z^T Z$ is the product of two columns of $Z$, added up over the rows. Point at one to
# see which. The block above the diagonal, $\tilde O_1^T \tilde O_2$, pairs the two experts: 8, −2, 0 and −4. Below it
# stand the same numbers transposed; and on the diagonal, each expert with itself.
#
# **Add up.** A negative covariance is as much of a repetition as a positive one, so take absolute values, and divide by
# $K^2 = 4$, the number of entries: $(8 + 2 + 0 + 4) / 4 = 3.5$.

# %%
cross = (O1 - O1.mean(axis=0)).T @ (O2 - O2.mean(axis=0))
value, _ = covariance(small)
assert np.array_equal(cross, [[8, -2], [0, -4]])
assert value == np.abs(cross).sum() / 4 == 3.5

# %% [markdown]
# With M experts, every pair counts once. This is Eq. (6), where p and q run over the experts, i and j over their K
# outputs:
#
# $$ L_{Cov} = \frac{1}{K^2} \sum_{p > q} \sum_{ij} \big| (\tilde O_p^T \tilde O_q)_{ij} \big| $$
#
# **Why p > q and not p ≥ q?** The published index can be read to include p = q, an expert with itself. The diagonal of
# $\tilde O_1^T \tilde O_1$ holds B times the variances of its outputs: pushing *those* to 0 tells an expert to put out
# the same for every row. The library takes p > q; `within=True` is the other reading. On our rows the blocks on the
# diagonal add $(8 + 30) / 4 = 9.5$.

# %%
assert covariance(small, within=True)[0] == 3.5 + 9.5

# %% [markdown]
# **Exercise 4.1.** Write CovLoss for `o` of shape `(B, M, K)`; return the number. Loops over p and q are welcome.


# %%
def my_covariance(o):
    raise NotImplementedError


grade("4.1", my_covariance)

# %% [markdown]
# ## The gradient, with one matrix for all pairs
#
# $C = Z^T Z$ holds *every* pair of experts as a K × K block, above the diagonal and again below it. Let the mask
# $\Omega$ be 1 on the blocks of different experts and 0 on those of an expert with itself (the view *mask* above). As
# every pair is in $C$ twice,
#
# $$ L = \frac{1}{2 K^2} \sum_{ab} \Omega_{ab} \, |C_{ab}| $$
#
# **Step 1, the absolute value.** The slope of $|c|$ is its sign, +1 or −1. Hence, entry by entry (∗ is the product of
# entries), $dC = \frac{1}{2 K^2} \, \Omega * \mathrm{sgn}(C)$.
#
# **Step 2, a matrix with itself.** $C_{ab} = \sum_i Z_{ia} Z_{ib}$, and $Z_{ia}$ occurs in row a of $C$ and in
# column a:
#
# $$ \begin{aligned}
# dZ_{ia} &= \sum_b Z_{ib} \, dC_{ab} + \sum_b Z_{ib} \, dC_{ba} \\
# dZ &= Z \, (dC^T + dC)
# \end{aligned} $$
#
# $\Omega * \mathrm{sgn}(C)$ is symmetric, so both terms are equal and the 2 cancels:
#
# $$ dZ = \frac{1}{K^2} \; Z \; \big( \Omega * \mathrm{sgn}(C) \big) $$
#
# **Step 3, the means.** A row of $O$ moves the mean, and the mean moves all rows; in general that sends back a term:
# the column means of $dZ$ are subtracted from it. But the columns of $Z$ add up to 0, and $dZ$ is $Z$ times a matrix,
# so the columns of $dZ$ add up to 0 already. There is nothing to subtract: $dO = dZ$. **The means need no term of their
# own.**

# %% [markdown]
# By hand, row 1 of expert 1, which needs the block *below* the diagonal. Its signs are
# $\begin{pmatrix} 1 & 0 \\ -1 & -1 \end{pmatrix}$, and row 1 of $\tilde O_2$ is $(-2, 2)$. Output 1 gets
# $(-2 \cdot 1 + 2 \cdot (-1)) / 4 = -1$, output 2 gets $(-2 \cdot 0 + 2 \cdot (-1)) / 4 = -0.5$: row 1 of $dZ$
# in the picture. Its view *gradient* says which column of $Z$ each entry adds.

# %%
_, do = covariance(small)
assert np.array_equal(do[0, 0], [-1, -0.5])
assert np.allclose(do.sum(axis=0), 0)  # the means need no term

# %% [markdown]
# **Exercise 4.2.** Write the gradient: from `o` `(B, M, K)` return `do` of the same shape. `np.kron` makes a matrix of
# blocks, if you need one.


# %%
def my_covariance_backward(o):
    raise NotImplementedError


grade("4.2", my_covariance_backward)

# %% [markdown]
# ## Where there is no derivative
#
# One entry of our C is exactly 0, and $|c|$ has a corner there: slope −1 on the left, +1 on the right. Any number
# between is a *sub-gradient*, a slope of a line that touches from below. The library takes 0, the smallest in
# size. The checker, which measures on both sides, refuses to judge and calls it a **kink**:


# %%
class CovLoss:
    """The loss as a layer without parameters, for the checker: its input 0 is o."""

    def forward(self, p, o):
        return covariance(o)

    def backward(self, do, dvalue):
        return dvalue * do, {}


rng = np.random.default_rng(0)
at_the_corner = check(CovLoss(), {}, (small,), rng, name="CovLoss")
print(report(at_the_corner))
assert any(c.kink for c in at_the_corner)
assert_ok(check(CovLoss(), {}, (small + rng.random(small.shape),), rng, name="CovLoss"))  # away from it

# %% [markdown]
# The choice of 0 is more than taste. An output that is the same for every row has covariances of exactly 0; with
# $\mathrm{sgn}(0) = 0$ it is left alone. With +1 it would be pushed by the sum of all outputs of the other experts, for
# no reason in the data.

# %%
constant = small.copy()
constant[:, 0, 1] = 1
assert not covariance(constant)[1][:, 0, 1].any()

# %% [markdown]
# ## Let it drive experts apart
#
# In the model CovLoss stands beside the experts, and adds its gradient to what comes down from the gates:

# %% tags=["hide-input"]
you_are_here("experts", "loss")

# %% [markdown]
# Now let it work alone. Three experts, linear layers with a ReLU, read the same eight random numbers and put out four
# each: 300 steps of gradient descent on CovLoss (the mean over rows, with a step that shrinks to 0, because the
# gradient of $|c|$ does not fade near the minimum), once for each reading of the index.


# %%
def disentangle(within, steps=300, rate=0.3):
    """Gradient descent on CovLoss alone -> the outputs at the start and after each step."""
    rng = np.random.default_rng(0)
    layer, x = Experts(3, (8, 4)), rng.standard_normal((256, 1, 8))
    params = layer.init(rng)
    params[0]["b"] += 0.5  # most units are on
    outputs = []
    for t in range(steps + 1):
        o, cache = layer.forward(params, x)
        outputs.append(o)
        _, do = covariance(o, "mean", within)
        _, grads = layer.backward(cache, do)
        for name, w in params[0].items():
            w -= rate * (1 - t / steps) * grads[0][name]
    return outputs


# %% tags=["hide-input"]
runs = {"p > q": disentangle(within=False), "p ≥ q": disentangle(within=True)}
before, after, after_within = (covariance_map(o) for o in (runs["p > q"][0], runs["p > q"][-1], runs["p ≥ q"][-1]))
assert between_experts(after, 3).correlation < 0.1 * between_experts(before, 3).correlation
assert np.diag(after).mean() > 0.3 * np.diag(before).mean()
assert np.diag(after_within).mean() < 0.03 * np.diag(before).mean()
assert between_experts(after_within, 3).covariance < between_experts(after, 3).covariance  # smaller covariances,
assert between_experts(after_within, 3).correlation > between_experts(after, 3).correlation  # larger correlations
fading(frames=[*range(10), *range(10, 60, 5), *range(60, 301, 24)], runs=runs)

# %% [markdown]
# Play both. With p > q the blocks off the diagonal fade, and those on it stay coloured: the experts still vary, but
# apart. With p ≥ q everything fades, and the cloud shrinks: the experts put out something nearly constant.
#
# Two things more. With p ≥ q the correlations stay larger than with p > q, although the covariances are smaller: a
# correlation is divided by standard deviations that have nearly vanished. And the variances fell under p > q, too: to
# shrink an output is *one* way of lowering its covariances. In Crocodile the cross-entropy stands against that, because
# an output that does not vary predicts nothing.
#
# ## Sum or mean: what α means
#
# Eq. (6) adds up over rows and does not divide. So the loss grows with B, while the cross-entropy beside it, a mean
# over rows, does not, and a weight α is tied to a batch size. What stays the same is **α × B**. (`reduction="mean"`
# divides by B.)


# %%
def draw(n_rows, correlation, n_experts=4, width=8, rng=rng):
    """Outputs of variance 1, any two of which have the given correlation, (n_rows, n_experts, width)."""
    common, own = rng.standard_normal((n_rows, 1, 1)), rng.standard_normal((n_rows, n_experts, width))
    return np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own


totals = {n: covariance(draw(n, 0.5))[0] for n in (256, 1024, 4096)}
for n, total in totals.items():
    print(f"B = {n:4d}   sum {total:7.1f}   sum / B {total / n:.2f}")
assert 12 < totals[4096] / totals[256] < 20  # 16 times the rows

# %% [markdown]
# **Exercise 4.3.** Somebody found α = 1e-4 good with B = 4096 and the sum. Which α do you try with B = 256?

# %%
my_alpha = ...
grade("4.3", my_alpha)

# %% [markdown]
# ## A sample of 32 rows
#
# The paper computes the loss on 32 sampled rows of a batch to save time. With n of B rows the sum is n/B as large, so
# it is scaled by B/n, and α keeps its meaning. But is the result the same on average? Take two outputs, and many
# samples:

# %% tags=["hide-input"]
pairs = {f"{rho:g}": draw(4096, rho, n_experts=2, width=1)[:, :, 0] for rho in (0, 0.1, 0.3)}
samples(pairs, sizes=[32, 64, 128, 256, 512, 1024, 2048, 4096], rng=np.random.default_rng(2))

# %% [markdown]
# The covariances scatter around the true one. Where that is 0, $|\cdot|$ folds half of them over, and their mean is far
# too large. **Noise in a number averages out; noise inside $|\cdot|$ does not.**
#
# How much too large? For two independent outputs of standard deviation 1 the sum of n products is typically $\sqrt n$
# away from 0; for a normal distribution the mean of the absolute value is $\sqrt{2 / \pi} \, \sqrt n$. Scaled:
#
# $$ \frac{B}{n} \sqrt{\frac{2}{\pi}} \sqrt n = \sqrt{\frac{2}{\pi}} \, \sqrt B \; \cdot \; \sqrt{\frac{B}{n}} $$
#
# The first part is what all B rows give. So the sample's value is too large by the factor $\sqrt{B / n}$: for B =
# 4096 and n = 32, $\sqrt{128} = 11.3$. At a true correlation $\rho$ the sum is $n \rho$ plus noise of size $\sqrt n$;
# they are equal at $\rho = 1 / \sqrt n$, which is 0.18 for n = 32. So a sample sees strong covariances and is blind to
# weak ones: once training has made them small, its signs are those of noise. Compare sampled losses with each other,
# never with full ones.
#
# **Exercise 4.4.** Write the sampled loss: `rows` are n different positions. Return the value, scaled by B/n, and its
# gradient of the shape of `o`. You may call `covariance(some_rows)`.


# %%
def my_sampled(o, rows):
    raise NotImplementedError


grade("4.4", my_sampled)

# %% [markdown]
# The library's answer to 4.2 and 4.4 is one function. From `z = o.reshape` on it is the derivation, line by line. With
# `within` the mask of an expert with itself is 2: its block is in $C$ only once, and the 2 makes up for the 1/2.

# %%
show(covariance)

# %% [markdown]
# ## At length: the ratio of sampled and full loss, measured
#
# With normal noise $\eta$ of variance 1 and the signal $s = \rho \sqrt n$, the value is too large by the factor
# $\mathrm{E} |s + \eta| / s$: 17 % at $s = 1$, and less than 1 % at $s = 2$, where the sign is nearly always right.

# %%
noise = np.random.default_rng(1).standard_normal(1_000_000)
too_large = {s: np.abs(s + noise).mean() / s - 1 for s in (1, 2)}
print(f"too large at s = 1: {too_large[1]:.0%}, at s = 2: {too_large[2]:.1%}; ", end="")
print(f"sign right at s = 2: {(2 + noise > 0).mean():.0%}")
assert abs(too_large[1] - 0.17) < 0.005
assert too_large[2] < 0.01

# %% [markdown]
# CovLoss itself, on samples of all sizes, at three correlations:

# %%
B, sizes = 4096, np.array([32, 64, 128, 256, 512, 1024, 2048, 4096])
ratios = {}
for rho in (0.0, 0.1, 0.3):
    o = draw(B, rho)
    means = []
    for n in sizes:  # the smaller the sample, the more of them
        drawn = [covariance(o, rows=rng.choice(B, n, replace=False))[0] for _ in range(max(2, 2560 // n))]
        means.append(np.mean(drawn))
    ratios[rho] = np.array(means) / covariance(o)[0]
assert np.allclose(ratios[0.0], np.sqrt(B / sizes), rtol=0.1)
assert np.allclose(ratios[0.3], 1, rtol=0.15)

# %% tags=["hide-input"]
label = (
    "sampled loss divided by full loss against the sampled rows: uncorrelated outputs (circles) lie on the predicted"
    " line, from 11 at 32 rows down to 1; at correlation 0.3 (diamonds) the ratio is 1 throughout; correlation 0.1"
    " (squares) lies between"
)
with chart(label, height=3) as picture:
    axis = picture.axes()
    axis.loglog(sizes, np.sqrt(B / sizes), lw=5, alpha=0.4, label="predicted: root of B/n")
    for (rho, ratio), mark in zip(ratios.items(), "osD", strict=True):
        axis.loglog(sizes, ratio, mark, label=f"correlation {rho:g}")
    axis.set(xlabel="sampled rows n of B = 4096", ylabel="sampled loss / full loss")
    axis.set_xticks(sizes[::2], sizes[::2])
    axis.set_yticks([1, 2, 4, 8], ["1", "2", "4", "8"])
    axis.minorticks_off()
    axis.legend()
picture

# %% [markdown]
# Correlation 0.1 comes down to 1 as n grows past $1/0.1^2 = 100$.
#
# ## At length: what it costs
#
# Multiply-adds of the products, and what is needed of them:
#
# | | multiply-adds | for M = 5, as a share of the first line |
# |---|---|---|
# | all of $Z^T Z$ | $B (MK)^2$ | 1 |
# | a symmetric product: one triangle | about $B (MK)^2 / 2$ | 0.50 |
# | only the pairs p > q, block by block | $B K^2 M (M - 1) / 2$ | 0.40 |
# | backward, $Z$ times a matrix | $B (MK)^2$ | 1 |
#
# When NumPy sees an array times its own transpose, `z.T @ z`, it calls a routine for symmetric products that
# computes one triangle and mirrors it (BLAS: SYRK). A copy of `z` hides that it is the same array, and the full
# product is computed. One large call with half the work is nearly as good as M (M − 1)/2 small ones, and it is one
# line. On one thread the next cell should print about a half; it is a measurement, and a busy machine may say
# something else.

# %% tags=["varies"]
z = rng.standard_normal((1024, 160))
w = z.copy()
seconds = {"z.T @ z": [], "z.T @ copy": []}
with threadpool_limits(1):  # one thread, and interleaved, so that a busy machine slows both alike
    for _ in range(9):
        for name, right in (("z.T @ z", z), ("z.T @ copy", w)):
            started = time.perf_counter()
            z.T @ right
            seconds[name].append(time.perf_counter() - started)
print(f"z.T @ z takes {min(seconds['z.T @ z']) / min(seconds['z.T @ copy']):.2f} of the time of z.T @ copy")

# %% [markdown]
# ## Three bugs
#
# All have the right value and a gradient of the right shape. Say what the checker will find before you look. There is
# one leaf, `input 0`.
#
# **Pairs counted twice.** $dC$ without the 1/2, though $C$ holds each pair twice. The gradient is right but for a
# factor, and the checker's hint names it: *2 times the right value*.


# %% tags=["planted-bug"]
class CountsTwice:
    def forward(self, p, o):
        return covariance(o)[0], o

    def signs(self, o):
        """Centred Z, and sgn(C) on the blocks of different experts."""
        n_rows, n_experts, width = o.shape
        Z = o.reshape(n_rows, n_experts * width)
        Z = Z - Z.mean(axis=0)
        return Z, np.kron(1 - np.eye(n_experts), np.ones((width, width))) * np.sign(Z.T @ Z)

    def backward(self, o, dvalue):
        Z, S = self.signs(o)
        return dvalue * (2 * Z @ S).reshape(o.shape) / o.shape[2] ** 2, {}  # wrong: 2


o = np.abs(draw(12, 0.3, n_experts=3, width=4))
catches(CountsTwice(), {}, (o,), leaves={"input 0"})

# %% [markdown]
# **Not centred on the way back.** The signs are right, but $O$ is used for $Z$. Each column of the gradient is off by a
# constant, the same for all rows. Its columns no longer add up to 0; that alone gives it away. The hint can only say
# that there is no common factor.


# %% tags=["planted-bug"]
class NotCentred(CountsTwice):
    def backward(self, o, dvalue):
        Z, S = self.signs(o)
        return dvalue * (o.reshape(Z.shape) @ S).reshape(o.shape) / o.shape[2] ** 2, {}  # wrong: o, not Z


wrong, right = NotCentred().backward(o, 1.0)[0], covariance(o)[1]
assert np.allclose(np.ptp(wrong - right, axis=0), 0)  # the same in all rows
assert not np.allclose(wrong.sum(axis=0), 0)
catches(NotCentred(), {}, (o,), leaves={"input 0"})

# %% [markdown]
# ### At length: the third bug, a mask inside out
#
# $\Omega$ for columns that are ordered by output first and by expert second, where ours are ordered by expert first.
# Both masks are M K × M K matrices of zeros and ones, and both are symmetric: no shape complains. The wrong one lets an
# expert pull on itself and skips some pairs. The columns of the gradient do add up to 0, so the quick test passes. The
# random direction does not:


# %% tags=["planted-bug"]
class MaskInsideOut(CountsTwice):
    def backward(self, o, dvalue):
        _, n_experts, width = o.shape
        Z, _ = self.signs(o)
        mask = np.kron(np.ones((width, width)), 1 - np.eye(n_experts))  # wrong: the factors of kron are swapped
        return dvalue * (Z @ (mask * np.sign(Z.T @ Z))).reshape(o.shape) / width**2, {}


assert np.allclose(MaskInsideOut().backward(o, 1.0)[0].sum(axis=0), 0)
catches(MaskInsideOut(), {}, (o,), leaves={"input 0"})

# %% [markdown]
# ## What to take along
#
# * A product of a matrix with itself: $C = Z^T Z$ gives $dZ = Z (dC + dC^T)$. Count which entries occur twice.
# * Centred going up, and a gradient whose columns add up to 0 coming down: the means need no term.
# * At a corner take the sub-gradient of the smallest size, and do not test there.
# * $|\cdot|$ of a noisy estimate is too large, here by $\sqrt{B / n}$.
#
# **Further reading**
#
# * Lin et al., *Crocodile*, [arXiv 2405.12706](https://arxiv.org/abs/2405.12706), Eq. (6) and Section 5.6.
# * Bardes, Ponce and LeCun, *VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning*,
#   ICLR 2022: a relative with squares in the place of absolute values, within one representation.
# * Cogswell et al., *Reducing Overfitting in Deep Networks by Decorrelating Representations*, ICLR 2016.
# * In the library: [losses/covariance.py](../croco_np/losses/covariance.py), and its neighbours, the other losses of
#   the paper's Table 4.
#
# In the next tutorial tables, experts, gates, towers and this loss become one model.
#
# [Next: 5. Put Crocodile together](05_put_crocodile_together.ipynb)
