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
# # 3. Mix experts with a gate
#
# **What you will do.** Take the softmax apart, write its backward, mix experts with it in two ways, and fuse both steps
# into one line. Then break it, and see which tests notice.
#
# **What you will learn.** Why the softmax's backward subtracts a mean; why the gradients of a gate add up to zero; what
# the gates MMoE, PG and PEG share; why a test with a gradient of all ones is blind.
#
# **What you need.** [Tutorial 1](01_differentiate_one_layer.ipynb) (forward, cache, backward; the adjoint check) and
# [tutorial 2](02_look_up_and_sum.ipynb) (embeddings). Of mathematics, the chain rule.
#
# **Equations:** Eq. (8), Eq. (10)
#
# <!-- links: written by python -m tutorials.publish.equations -->
# - [Eq. (8)](reference/equations.md#eq-8):
#   [`ElementGate`](../croco_np/layers/gate.py#L78), [test by hand](../tests/layers/test_by_hand.py#L128),
#   [in this lesson](#One-share-for-each-dimension%3A-PEG)
# - [Eq. (10)](reference/equations.md#eq-10):
#   [`ScalarGate`](../croco_np/layers/gate.py#L29), [test by hand](../tests/layers/test_by_hand.py#L151),
#   [in this lesson](#Where-the-logits-come-from%3A-MMoE-and-PG)
# - [Eq. (10)](reference/equations.md#eq-10):
#   [`ElementGate`](../croco_np/layers/gate.py#L78), [test by hand](../tests/layers/test_by_hand.py#L195),
#   [in this lesson](#One-share-for-each-dimension%3A-PEG)
# <!-- end of links -->

# %% tags=["hide-input"]
import numpy as np

from croco_np.gradcheck import assert_ok, check
from croco_np.kernels.mix import (
    mix_elements,
    mix_elements_backward,
    mix_scalars,
    mix_scalars_backward,
    softmax,
    softmax_backward,
)
from croco_np.layers import ElementGate, ScalarGate
from croco_np.teaching import catches, grade, show
from croco_np.teaching.pictures import you_are_here
from croco_np.teaching.pictures.lesson03 import learning, reach, two_shares, two_tests

np.set_printoptions(precision=4, suppress=True)

# %% [markdown]
# Expert 0 says 4 and expert 1 says 8; a **gate** decides how much of each to believe. Move its two *logits*: they
# become *shares*, the shares mix the outputs into $h$, and on the way back the layers above say $dh = 2$, "a larger $h$
# raises the objective". What each logit hears of it is $da$: how much the objective *rises* with the logit. (In this
# lesson experts, domains and dimensions count from 0, as in the code.)

# %% tags=["hide-input"]
two_shares(a=np.array([[np.log(3), 0.0]]), o=np.array([[[4.0], [8.0]]]), dh=np.array([[2.0]]))

# %% [markdown]
# Three things to see: the shares always add up to 1; the two arrows are always equally long; and both are short when
# one share is nearly 1. This lesson derives all three.
#
# ## Shares that add up to one
#
# The **softmax** turns one number for each expert, a gate logit $a_m$ of any sign and size, into a share $g_m > 0$:
#
# $$ g_m = \frac{e^{a_m}}{\sum_n e^{a_n}} $$
#
# For $a = (\ln 3, 0)$ the exponentials are 3 and 1, their sum is 4, the shares are $3/4$ and $1/4$.

# %%
a = np.array([[np.log(3), 0.0]])  # one row, two experts
g = softmax(a)
assert np.allclose(g, [[3 / 4, 1 / 4]])
assert np.allclose(softmax(a + 1000), g)
show(softmax)

# %% [markdown]
# Adding the same number to all logits multiplies all exponentials by the same factor, which cancels. The library uses
# that: it subtracts the largest logit, so that no exponential can overflow.
#
# ## The softmax backwards
#
# Move one logit $a_n$ a little. Its own exponential grows, and so does the sum below every share:
#
# $$ \begin{aligned}
# \frac{\partial g_m}{\partial a_n}
#   &= \frac{e^{a_m} \delta_{mn}}{\sum e^{a}} - \frac{e^{a_m} e^{a_n}}{(\sum e^{a})^2} \\
#   &= g_m (\delta_{mn} - g_n)
# \end{aligned} $$
#
# with $\delta_{mn} = 1$ for $m = n$ and 0 otherwise. For our shares that is $3/16$ for $m = n$ and $-3/16$ otherwise:
# what one expert wins, the others lose. Backward multiplies by the transposed Jacobian. With $dg_m$ for the gradient of
# the objective with respect to the share $g_m$,
#
# $$ \begin{aligned}
# da_n &= \sum_m dg_m \, g_m (\delta_{mn} - g_n) \\
#      &= g_n \Big( dg_n - \sum_m g_m \, dg_m \Big)
# \end{aligned} $$
#
# The sum is the *mean* of the $dg$, weighted by the shares. So an expert's logit is pushed by how much its share is
# worth **more than the average share**, in proportion to the share it has. No $M \times M$ matrix is needed.
#
# With $dg = (8, 16)$ the mean is $3/4 \cdot 8 + 1/4 \cdot 16 = 10$, so $da_0 = 3/4 \cdot (8 - 10) = -3/2$ and
# $da_1 = 1/4 \cdot (16 - 10) = 3/2$.

# %%
dg = np.array([[8.0, 16.0]])
da = softmax_backward(g, dg)
jacobian = np.diag(g[0]) - np.outer(g[0], g[0])  # J[m, n] = dg_m / da_n
assert np.allclose(jacobian, [[3 / 16, -3 / 16], [-3 / 16, 3 / 16]])
assert np.allclose(da, dg @ jacobian)
assert np.allclose(da, [[-3 / 2, 3 / 2]])

# %% [markdown]
# The entries of $da$ add up to 0, which is no accident. Adding a constant to all logits changes nothing, so the
# derivative in the direction $(1, 1, \ldots, 1)$ is 0, and that derivative is $\sum_n da_n$. **Shares can be moved
# between experts; they cannot be created.** Remember it: it is a test that costs one line.
#
# **Exercise 3.1.** Write the softmax's backward. `g` and `dg` are `(B, M)`: B rows, M experts. Return `da`.


# %%
def my_softmax_backward(g, dg):
    raise NotImplementedError


grade("3.1", my_softmax_backward)

# %% [markdown]
# The library's, to compare with yours:

# %%
show(softmax_backward)

# %% [markdown]
# ## A mixture of experts
#
# Expert m has an output $o_m$, a vector of K numbers. The **scalar gate** gives each expert one share and mixes:
#
# $$ h = \sum_m g_m \, o_m $$
#
# In the picture K = 1: outputs $(4, 8)$, shares $(3/4, 1/4)$, mixture $h = 3 + 2 = 5$, and $dh = 2$.
#
# **To the experts.** $h$ contains $o_m$ with the factor $g_m$, so $do_m = g_m \, dh = (3/2, 1/2)$: an expert is taught
# in proportion to its share.
#
# **To the shares.** $h$ contains $g_m$ with the factor $o_m$. For vectors that is a scalar product over the K
# dimensions, $dg_m = \langle dh, o_m \rangle$. Here $dg = (8, 16)$, the numbers from above.
#
# **To the logits**, through the softmax. The mean that it subtracts is
#
# $$ \begin{aligned}
# \sum_n g_n \, dg_n &= \sum_n g_n \langle dh, o_n \rangle \\
#   &= \Big\langle dh, \sum_n g_n o_n \Big\rangle = \langle dh, h \rangle
# \end{aligned} $$
#
# and $h$ was computed in the forward pass. So the two steps fuse into one:
#
# $$ da_m = g_m \, \langle dh,\; o_m - h \rangle $$
#
# Each expert is compared with the mixture, along the direction in which the objective grows. Gradient *descent* moves
# against $da$: experts on the side of $h$ that *lowers* the objective gain share. For two experts $o_0 - h = g_1 (o_0 -
# o_1)$, so $da_0 = g_0 g_1 \, \langle dh, o_0 - o_1 \rangle$: where one share is nearly 1, hardly anything moves.

# %%
o, dh = np.array([[[4.0], [8.0]]]), np.array([[2.0]])  # (B, M, K) = (1, 2, 1) and (B, K) = (1, 1)
g, h = mix_scalars(a, o)
do, da = mix_scalars_backward(g, o, h, dh)
assert np.allclose(h, 5)
assert np.allclose(do.ravel(), [3 / 2, 1 / 2])
assert np.allclose(da, softmax_backward(g, dg))  # the fused line and the two steps agree
show(mix_scalars)

# %% [markdown]
# ## Where the logits come from: MMoE and PG
#
# The gate logits are a linear layer of some input $e$, $a = e \, W_s$ (or $+ \, b_s$), with weights of the row's
# *domain* s. Two systems use this one layer and differ in what they read:
#
# | gate | reads | bias |
# |---|---|---|
# | MMoE (*multi-gate mixture of experts*) | the ordinary embeddings of all fields, which the experts read too | yes |
# | PG (*prior-informed gate*), Eq. (10) | a *prior embedding* $e$ of user, item, domain (Eq. 9), its own tables | no |
#
# The gate of PG decides from who asks and what is shown, without waiting for what the experts' tables have learnt.
# This is its place in the model:

# %% tags=["hide-input"]
you_are_here("prior", "gates")

# %% [markdown]
# A batch is sorted by domain, so `domains` is a tuple of slices; `self.logits` is one linear layer for each of them.

# %%
show(ScalarGate.forward, ScalarGate.backward)

# %% [markdown]
# `forward` gives a pair, the mixture $h$ and the shares $g$, so `backward` takes a pair, a gradient for each. Mind the
# second one: in the listing `dg` is only what a loss *on the shares themselves* sends in, such as one that asks that
# all experts be used equally ([losses/importance.py](../croco_np/losses/importance.py)). The derivation's $dg_m =
# \langle dh, o_m \rangle$ comes through $h$, and is inside `mix_scalars_backward`. The click prediction reads $h$
# alone: then the second gradient is `None`. Otherwise two roads meet at the logits, and their gradients **add**: that
# is what `_pulled` does. The checker sends in a random gradient for $h$ and another one for $g$:

# %%
rng = np.random.default_rng(0)
B, P, M, K = 8, 3, 3, 4  # rows, width of the prior, experts, width of an expert's output
domains = (slice(0, 5), slice(5, 8))  # five rows of domain 0, three of domain 1
e, o = rng.standard_normal((B, P)), rng.standard_normal((B, M, K))

pg = ScalarGate(P, M, n_domains=2)
assert_ok(check(pg, pg.init(rng), (domains, e, o), rng, name="PG"))

# %% [markdown]
# ## One share for each dimension: PEG
#
# A scalar gate must take an expert whole. Say expert 0 is $(1, 0)$ and expert 1 is $(0, 1)$, and the tower would like
# $(1, 1)$. With shares $g$ and $1 - g$ the mixture is $(g, 1 - g)$: a point on the line between the experts, whatever
# $g$ is. Give each dimension shares of its own, and the wish can be met. Move the shares of expert 0:

# %% tags=["hide-input"]
reach(o=np.array([[[1.0, 0], [0, 1]]]), wish=np.array([1.0, 1]))

# %% [markdown]
# The **prior-informed element-wise gate** (PEG), Eqs. (8) and (10), has a softmax over the experts *for each dimension
# k*:
#
# $$ g_{mk} = \frac{e^{a_{mk}}}{\sum_n e^{a_{nk}}}, \qquad h_k = \sum_m g_{mk} \, o_{mk} $$
#
# The price: M K logits for a row, not M. Nothing new has to be derived: in each dimension this is a scalar gate with
# K = 1, whose scalar product is one product.
#
# **Exercise 3.2.** Write the backward of the element-wise mixture. `g` and `o` are `(B, M, K)`, `h` and `dh` are
# `(B, K)`. Return the pair `do, da`, both `(B, M, K)`.


# %%
def my_mix_backward(g, o, h, dh):
    raise NotImplementedError


grade("3.2", my_mix_backward)

# %% [markdown]
# On paper and in the library, the scalar gate's backward above it:
#
# $$ \begin{aligned}
# do_{mk} &= g_{mk} \, dh_k \\
# da_{mk} &= g_{mk} \, dh_k \, (o_{mk} - h_k) = do_{mk} \, (o_{mk} - h_k)
# \end{aligned} $$

# %%
show(mix_scalars_backward, mix_elements_backward)

# %% [markdown]
# Shares only move, here for every row and every dimension separately:

# %%
peg = ElementGate(P, M, K, n_domains=2)
g, h = mix_elements(rng.standard_normal((B, M, K)), o)
do, da = mix_elements_backward(g, o, h, rng.standard_normal((B, K)))
assert np.allclose(g.sum(axis=1), 1)
assert np.allclose(da.sum(axis=1), 0)
assert_ok(check(peg, peg.init(rng), (domains, e, o), rng, name="PEG"))

# %% [markdown]
# ## Watch a gate learn
#
# Now let both gates solve a task whose answer we know. Three experts put out random numbers in six dimensions. Domain 0
# wants dimensions 0 to 2 from expert 0 and 3 to 5 from expert 1; domain 1 wants dimensions 0 and 1 from expert 2, the
# other four from expert 0. The loss is the mean over rows of the squared distance to what is wanted; its gradient is
# $dh = 2 (h - \text{wanted}) / B$. The input e is 1 for every row, so $W_s$ *is* the gate logits of domain s.

# %%
rng = np.random.default_rng(1)
B, M, K = 200, 3, 6
halves = (slice(0, 100), slice(100, 200))
experts, ones = rng.standard_normal((B, M, K)), np.ones((B, 1))
source = np.array([[0, 0, 0, 1, 1, 1], [2, 2, 0, 0, 0, 0]])  # source[s, k]: the expert that domain s wants for k
wanted = np.concatenate([experts[rows][:, source[s], np.arange(K)] for s, rows in enumerate(halves)])


# %%
def learn(gate, steps=300, rate=1.0):
    """Gradient descent from equal shares -> at the start and after each step: the loss, the shares of each domain."""
    params = [{"W": np.zeros_like(w["W"])} for w in gate.init(rng)]
    losses, shares = [], []
    for _ in range(steps + 1):
        (h, g), cache = gate.forward(params, halves, ones, experts)
        losses.append(((h - wanted) ** 2).sum() / B)
        shares.append(g[[rows.start for rows in halves]])
        _, grads = gate.backward(cache, (2 * (h - wanted) / B, None))
        for own, d_own in zip(params, grads, strict=True):
            own["W"] -= rate * d_own["W"]
    return np.array(losses), np.array(shares)


# %% tags=["hide-input"]
scalar_losses, scalar_shares = learn(ScalarGate(1, M, n_domains=2))
element_losses, element_shares = learn(ElementGate(1, M, K, n_domains=2))
assert element_losses[-1] < 0.1 * scalar_losses[-1] < 0.1 * scalar_losses[0]
assert (element_shares[-1].argmax(axis=1) == source).all()
learning(
    frames=[*range(10), *range(10, 50, 4), *range(50, 301, 25)],
    losses={"scalar": scalar_losses, "element-wise": element_losses},
    shares={"scalar": scalar_shares, "element-wise": element_shares},
    wanted=source,
)

# %% [markdown]
# Go back to 0 steps and play. The element-wise gate finds the planted pattern, one large share in each column. The
# scalar gate must compromise, and stops at the proportions of the dimensions that want an expert: about half and half
# in domain 0, two thirds and one third in domain 1.
#
# ## Three bugs and three tests
#
# For bugs we need a layer without parameters that goes from logits straight to the mixture. Its inputs are $a$
# (`input 0` in the checker's report) and $o$ (`input 1`).


# %%
class Mix:
    """h = sum_m softmax(a)_m * o_m for each dimension, and a correct backward."""

    def forward(self, p, a, o):
        g, h = mix_elements(a, o)
        return h, (g, o, h)

    def backward(self, cache, dh):
        do, da = mix_elements_backward(*cache, dh)
        return (da, do), {}  # in the order of the inputs


# %%
class ForgotUpstream(Mix):
    def backward(self, cache, dh):
        g, o, h = cache
        return (g * (o - h[:, None]), g * dh[:, None]), {}  # wrong: da without dh


class ForgotMixture(Mix):
    def backward(self, cache, dh):
        g, o, _ = cache
        do = g * dh[:, None]
        return (do * o, do), {}  # wrong: - h is missing


class WrongAxis(Mix):
    def backward(self, cache, dh):
        g, o, _ = cache
        dg = dh[:, None] * o
        return (g * (dg - (g * dg).sum(axis=2, keepdims=True)), g * dh[:, None]), {}  # wrong: sums over k, not m


# %% [markdown]
# Three candidates for a test, from cheap to thorough:
#
# 1. **Shares only move:** does $da$ add up to 0 over the experts?
# 2. **All ones:** take $dh = 1$, as if the objective were the plain sum of $h$, and compare with the right $da$.
# 3. **Random:** take a random $dh$ and compare. The checker does this, with a measured slope on the other side.
#
# Which bug passes which test? Say it, then look (the picture shows one row of six, the tests look at all):

# %% tags=["hide-input"]
B, M, K = 6, 3, 4
a, o = rng.standard_normal((2, B, M, K))
assert_ok(check(Mix(), {}, (a, o), rng, name="Mix"))  # the right one passes
bugs = (ForgotUpstream(), ForgotMixture(), WrongAxis())
upstream = {"all ones": np.ones((B, K)), "random": rng.standard_normal((B, K))}
outcome = {}
for layer in bugs:
    found = {}
    for name, dh in upstream.items():
        (da, _), (right, _) = (one.backward(one.forward({}, a, o)[1], dh)[0] for one in (layer, Mix()))
        found |= {"adds up to 0": np.allclose(da.sum(axis=1), 0), name: np.allclose(da, right)}
    outcome[type(layer).__name__] = found
assert outcome["ForgotUpstream"] == {"adds up to 0": True, "all ones": True, "random": False}
assert not any(outcome["ForgotMixture"].values())
assert not any(outcome["WrongAxis"].values())
two_tests(bugs, Mix(), a, o, upstream)

# %% [markdown]
# *Forgot upstream* gives $g (o - h)$. Over the experts that adds up to $h - h = 0$: passes 1. With $dh = 1$ it **is**
# the right answer: passes 2. *Forgot mixture* gives $g\,dh\,o$, which adds up to $dh \cdot h$, and *wrong axis*
# subtracts a mean over the wrong things: both fail all three.
#
# This is why the checker draws its upstream gradients (*cotangents*) at random. Now to the checker. Predict its report
# on *ForgotUpstream*: $do$ is right, so only `input 0`, the logits, is wrong. The wrong entries differ from the right
# ones by the factor $1/dh_k$, another one in every row and dimension, so the hint will be that there is no *common*
# factor.

# %% tags=["planted-bug"]
catches(ForgotUpstream(), {}, (a, o), leaves={"input 0"})

# %% [markdown]
# In a whole gate the damage spreads, and the *pattern* of what is wrong points at the place. From the logits
# gradients go to $W_s$ of every domain and to $e$. So if $da$ is wrong in a `ScalarGate`, the checker must name
# `0.W`, `1.W` and `input 0` (now $e$), and must not name `input 1` (the experts), whose gradient does not pass the
# logits.


# %% tags=["planted-bug"]
class GateWithoutMixture(ScalarGate):
    def backward(self, c, d):
        dh, dg = d
        do = c.g[:, :, None] * dh[:, None]
        da = (do * c.o).sum(axis=2) + softmax_backward(c.g, dg)  # wrong: <dh, o_m>, not <dh, o_m - h>
        de, grads = self.logits.backward(c.logits, da)
        return (de, do), grads


broken = GateWithoutMixture(P, M, n_domains=2)
inputs = ((slice(0, 4), slice(4, 6)), rng.standard_normal((B, P)), o)
catches(broken, broken.init(rng), inputs, leaves={"0.W", "1.W", "input 0"})

# %% [markdown]
# ## At length: the other two bugs, as the checker sees them
#
# Both touch $da$ alone, and both by a term rather than a factor.

# %% tags=["planted-bug"]
catches(ForgotMixture(), {}, (a, o), leaves={"input 0"})

# %% tags=["planted-bug"]
catches(WrongAxis(), {}, (a, o), leaves={"input 0"})

# %% [markdown]
# ## One more exercise
#
# **Exercise 3.3.** Some gates have a *temperature* T > 0: $g = \mathrm{softmax}(a / T)$. A small T makes the gate
# decided, a large T makes it even-handed. Let T be a parameter, one number. Given `a` `(B, M)`, `T`, and the upstream
# `dg` `(B, M)`, return `da` `(B, M)` and `dT` (one number). Two hints: name the quotient $b = a / T$ and first find
# $db$; and T is shared by all rows.


# %%
def my_temperature_backward(a, T, dg):
    raise NotImplementedError


grade("3.3", my_temperature_backward)

# %% [markdown]
# ## What to take along
#
# * The softmax's backward compares with the mean: $da_m = g_m (dg_m - \sum_n g_n dg_n)$.
# * In a mixture that mean is $\langle dh, h \rangle$, and the forward pass has $h$ already.
# * The $da$ of a row add up to 0. The check is cheap, but it does not see everything; a random upstream
#   gradient does.
#
# **Further reading**
#
# * Jacobs, Jordan, Nowlan and Hinton, *Adaptive Mixtures of Local Experts*, Neural Computation 1991: where mixing
#   experts by a softmax comes from.
# * Ma et al., *Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts*, KDD 2018:
#   MMoE.
# * Lin et al., *Crocodile*, [arXiv 2405.12706](https://arxiv.org/abs/2405.12706): PG and PEG.
# * In the library: [layers/gate.py](../croco_np/layers/gate.py), and [kernels/mix.py](../croco_np/kernels/mix.py),
#   where a compiled twin stands under each of the functions shown here.
#
# A gate can only choose between experts that differ. The next tutorial makes them differ.
#
# [Next: 4. Disentangle experts with CovLoss](04_disentangle_experts.ipynb)
