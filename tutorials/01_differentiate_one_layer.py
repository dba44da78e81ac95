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
# # 1. Differentiate one layer by hand
#
# **What you will do.** Differentiate $y = xW + b$ on six numbers, then for every size, and put the result into the
# form that all layers of this library have. Then build three instruments that tell a right gradient from a wrong
# one, and use them on wrong ones.
#
# **What you will learn.** What `dW` means; how to derive it with indices and read it back as a matrix product; what
# shapes can prove and what they cannot; where ReLU has no derivative; why a gradient is checked with random numbers.
#
# **What you need.** NumPy and the chain rule. This is the first of ten tutorials; run the cells in order.
#
# **Equations:** Eq. (5)
#
# <!-- links: written by python -m tutorials.publish.equations -->
# - [Eq. (5)](reference/equations.md#eq-5), a tower for each domain:
#   [`Tower`](../croco_np/layers/mlp.py#L68), [test by hand](../tests/layers/test_by_hand.py#L48),
#   [in this lesson](#The-tower-of-Eq.-%285%29)
# <!-- end of links -->

# %%
import matplotlib.pyplot as plt
import numpy as np

from croco_np.gradcheck import assert_ok, check, report
from croco_np.kernels.relu import bias_relu, relu_backward
from croco_np.layers import Dense, Linear, Tower
from croco_np.layers.chain import Chain
from croco_np.teaching import catches, grade, show

np.set_printoptions(precision=4, suppress=True)
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#999999"

# %% [markdown]
# ## Two rows on the blackboard
#
# A *batch* has $B = 2$ rows. Each row holds 3 inputs and becomes 2 outputs:
#
# $$y = xW + b, \qquad x: (2, 3), \quad W: (3, 2), \quad b: (2), \quad y: (2, 2).$$
#
# All rows share $W$ and $b$. Work out the first output yourself before you run the cell:
# $1 \cdot 1 + 2 \cdot 2 + 0 \cdot 0 + 1 = 6$.

# %%
x = np.array([[1.0, 2, 0], [0, 1, 3]])
W = np.array([[1.0, 0], [2, -1], [0, 1]])
b = np.array([1.0, 0])
y = x @ W + b
print(y)

# %% [markdown]
# A gradient needs a single number to be the gradient *of*: the objective $L$. Take half the squared distance to targets
# $t$,
#
# $$L = \frac{1}{2} \sum_{ij} (y_{ij} - t_{ij})^2, \qquad \frac{\partial L}{\partial y_{ij}} = y_{ij} - t_{ij}.$$
#
# We write `dy` for the array of all $\partial L / \partial y_{ij}$. It has the shape of `y`, and so it is for every
# name: **`da` is the gradient of the objective with respect to `a`, and has the shape of `a`.**

# %%
t = np.array([[5.0, 0], [3, 1]])


def objective(x, W, b):
    return ((x @ W + b - t) ** 2).sum() / 2


dy = y - t
print("L =", objective(x, W, b))
print(dy)

# %% [markdown]
# ## What one number of dW means
#
# Nudge one weight, $W_{21}$ (second row, first column; counted from 0 it is `W[1, 0]`), by 0.001 and look at $L$. The
# change divided by the nudge is, up to the size of the nudge, the number that belongs at that place of `dW`.

# %%
nudged = W.copy()
nudged[1, 0] += 0.001
print(f"{(objective(x, nudged, b) - objective(x, W, b)) / 0.001:.4f}")

# %% [markdown]
# So $dW_{21}$ should be 2. Where does it come from? $W_{21}$ carries input 2 to output 1, in *both* rows. In row 1 the
# input is 2 and output 1 is wanted lower by $dy_{11} = 1$: that gives $2 \cdot 1$. In row 2 the input is 1 but
# $dy_{21} = 0$: that gives $1 \cdot 0$. Together 2. A weight that is used in many places collects from all of them.
#
# ## Derive it with indices
#
# The same for any entry. Write the forward pass with all indices,
#
# $$y_{il} = \sum_k x_{ik} W_{kl} + b_l .$$
#
# The chain rule sums over *everything* in between, that is, over all outputs $y_{il}$:
#
# $$dW_{kj} = \frac{\partial L}{\partial W_{kj}} = \sum_{il} dy_{il} \, \frac{\partial y_{il}}{\partial W_{kj}}
# = \sum_{il} dy_{il} \, x_{ik} \, \delta_{lj} = \sum_i x_{ik} \, dy_{ij},$$
#
# where $\delta_{lj}$ is 1 for $l = j$ and 0 otherwise: column $j$ of $W$ reaches column $j$ of $y$ only. In the same
# way
#
# $$db_j = \sum_{il} dy_{il} \, \delta_{lj} = \sum_i dy_{ij}, \qquad
# dx_{ik} = \sum_{l} dy_{il} \, W_{kl} .$$
#
# In a matrix product $AC$ the summed index is the last one of $A$ and the first one of $C$. In $dW_{kj}$ the summed
# index is the row $i$, which is the *first* one of $x$, so $x$ has to be turned over:
#
# $$\begin{aligned}
# dx &= dy \, W^\top && \text{each output that } x_{ik} \text{ reached, weighted by the path} \\
# dW &= x^\top dy && \text{summed over the rows, since all rows share } W \\
# db &= \sum_i dy_i
# \end{aligned}$$

# %%
dx = dy @ W.T
dW = x.T @ dy
db = dy.sum(axis=0)
print(dx, dW, db, sep="\n\n")

assert dW[1, 0] == 2  # the number of the nudge
by_indices = np.zeros_like(W)  # the sum over rows, written out
for i in range(2):
    for k in range(3):
        for j in range(2):
            by_indices[k, j] += x[i, k] * dy[i, j]
np.testing.assert_array_equal(dW, by_indices)

# %% [markdown]
# ## Shapes as proof-reading
#
# You have forgotten the formula for `dW`, but you know the shapes. Take a batch of 5 rows, so that all sizes differ:
# `dW` is made of `x` (5, 3) and `dy` (5, 2), and has to be (3, 2). Only `x.T @ dy` fits. Likewise `dx` (5, 3) from `dy`
# (5, 2) and `W` (3, 2) can only be `dy @ W.T`. This finds most slips of the pen at once.
#
# It does not find all. On our blackboard there are 2 rows and 2 outputs, `dy` is square, and `x.T @ dy.T` fits as well,
# and is wrong. And `dy.mean(axis=0)` has the shape of `dy.sum(axis=0)`. Two lessons: try a new layer on sizes that all
# differ, and do not take a fitting shape for a proof.

# %% [markdown]
# ## The form of every layer
#
# A layer is an object of sizes; it owns no arrays. `forward(params, x)` returns the output and a *cache*: what the
# backward pass will need. `backward(cache, dy)` gets the gradient of whatever comes after, and returns `dx` for
# whatever comes before, and the gradients of the parameters under the names they have in `params`. These are the
# library's lines:

# %%
show(Linear.forward, Linear.backward)

# %% [markdown]
# They are our three formulas. The backward pass needs `x` and `W`, so these are what the cache holds. It does not know
# $L$: everything about the objective has come in through `dy`. That is why a layer written once serves in every model.

# %%
layer = Linear(3, 2)
params = {"W": W, "b": b}
y_layer, cache = layer.forward(params, x)
dx_layer, grads = layer.backward(cache, dy)

np.testing.assert_array_equal(y_layer, y)
np.testing.assert_array_equal(dx_layer, dx)
np.testing.assert_array_equal(grads["W"], dW)
np.testing.assert_array_equal(grads["b"], db)
print("cache:", cache._fields, " gradients:", list(grads))

# %% [markdown]
# Layers one after the other are two loops. Upwards, each output is the next one's input. Downwards, each `dx` is the
# previous one's `dy`:

# %%
show(Chain.forward, Chain.backward)

# %% [markdown]
# ## ReLU, and the point where it has no derivative
#
# ReLU keeps what is positive: $y = \max(z, 0)$ with $z = xW + b$. Its slope is 1 for $z > 0$ and 0 for $z < 0$, so
#
# $$dz_{ij} = dy_{ij} \cdot [\, z_{ij} > 0 \,], \qquad [\text{true}] = 1, \quad [\text{false}] = 0,$$
#
# and from $dz$ on it is the linear layer again. `Dense` is both together. Its mask reads $y$, not $z$: $y > 0$ exactly
# where $z > 0$, and so $z$ need not be kept. (`@kernel` marks a function that also has a compiled version, its *twin*,
# with the same results; tutorial 9. Read on as if it were not there.)

# %%
show(bias_relu, relu_backward, Dense.backward)

# %% [markdown]
# At $z = 0$ there is a kink: from the right the slope is 1, from the left 0. Any number between may be called the slope
# there (a *sub-gradient*). The library takes 0, as PyTorch does: a unit that is off learns nothing.

# %% [markdown]
# ## The tower of Eq. (5)
#
# The paper's tower turns the vector $h$ of one row into a click probability:
#
# $$p = \mathrm{sigmoid}(\mathrm{tower}(h)), \qquad \mathrm{sigmoid}(z) = \frac{1}{1 + e^{-z}}.$$
#
# It is a stack of `Dense` layers and a `Linear` layer to one number, the *logit* $z$. (The sigmoid is done by the loss,
# which takes logits. Eq. (5) has one tower for each domain, that is, for each tab of the app; here we look at one.)
# Read the backward pass against the forward pass: the same lines from bottom to top.

# %%
show(Tower.forward, Tower.backward)

# %%
rng = np.random.default_rng(0)
tower = Tower((3, 4))  # 3 inputs, 4 hidden units, 1 logit
p = tower.init(rng)
h = rng.standard_normal((5, 3))
z, cache = tower.forward(p, h)
dh, grads = tower.backward(cache, np.ones_like(z))
print("z", z.shape, " dh", dh.shape, " dW of the hidden layer", grads["hidden"][0]["W"].shape)
assert dh.shape == h.shape

# %% [markdown]
# ## First check: central differences
#
# How do you know that a gradient is right? Measure the slope on the forward pass, which is easy to trust. Take a
# function $f$ of an array $w$ and a direction $v$, an array like $w$. Then $\varphi(s) = f(w + s v)$ is an ordinary
# function of one number, the step $s$, and its slope at 0 is what we are after. With steps to both sides,
#
# $$\frac{\varphi(s) - \varphi(-s)}{2 s} = \varphi'(0) + \frac{s^2}{6} \varphi'''(0) + \dots$$
#
# The smaller the step, the smaller this *truncation* error. But the computer rounds $\varphi$ to about 16 digits, a
# relative error of $\varepsilon \approx 2.2 \cdot 10^{-16}$. The difference of two nearly equal numbers keeps the
# absolute error $\varepsilon |\varphi|$ and is then divided by $s$. So the *rounding* error is about $\varepsilon
# |\varphi| / s$, and grows as the step shrinks.
#
# ## Second check: the complex step
#
# Step along the imaginary axis instead. If $f$ computes with complex numbers and $\varphi$ has a Taylor series,
#
# $$\begin{aligned}
# \varphi(\mathrm{i} s) &= \varphi(0) + \mathrm{i} s \, \varphi'(0) - \frac{s^2}{2} \varphi''(0)
# - \frac{\mathrm{i} s^3}{6} \varphi'''(0) + \dots \\
# \frac{\mathrm{Im} \, \varphi(\mathrm{i} s)}{s} &= \varphi'(0) - \frac{s^2}{6} \varphi'''(0) + \dots
# \end{aligned}$$
#
# There is no subtraction, hence nothing to cancel, and $s$ may be $10^{-30}$. We try both on the sum of the
# probabilities of a tower without hidden layer, whose slope we know: $\mathrm{sigmoid}' = p (1 - p)$.

# %%
W_logit, direction = rng.standard_normal((3, 1)), rng.standard_normal((3, 1))


def f(W):
    return (1 / (1 + np.exp(-(h @ W)))).sum()


p_click = 1 / (1 + np.exp(-(h @ W_logit)))
dW_logit = h.T @ (p_click * (1 - p_click))  # x^T dz with dz = p (1 - p)
true_slope = (dW_logit * direction).sum()

steps = 10.0 ** np.arange(-16, 0.1, 0.25)
central = [(f(W_logit + s * direction) - f(W_logit - s * direction)) / (2 * s) for s in steps]
complex_step = [f(W_logit + 1j * s * direction).imag / s for s in steps]


def error(measured):
    return np.maximum(np.abs(np.array(measured) / true_slope - 1), 1e-17)  # an error of 0 has no logarithm


s1 = p_click * (1 - p_click)
third = (s1 * (1 - 6 * s1) * (h @ direction) ** 3).sum()  # phi''' at 0
truncation = steps**2 / 6 * abs(third / true_slope)
rounding = np.finfo(float).eps * f(W_logit) / steps / abs(true_slope)

fig, ax = plt.subplots(figsize=(6.5, 4))
ax.loglog(steps, truncation, "--", color=GREY, label=r"truncation $s^2 |\varphi'''| / 6$")
ax.loglog(steps, rounding, ":", color=GREY, label=r"rounding $\varepsilon |\varphi| / s$")
ax.loglog(steps, error(central), "o-", ms=6, mfc="none", color=ORANGE, label="central differences")
ax.loglog(steps, error(complex_step), ".-", color=BLUE, label="complex step")
ax.set(xlabel="step s", ylabel="relative error of the slope", ylim=(3e-18, 1e6))
ax.legend(fontsize=9, loc="upper center", ncols=2)
fig.tight_layout()
plt.show()

# %% [markdown]
# *Two curves over the step. Central differences make a V: on the right the error follows the dashed line and falls with
# the square of the step, on the left it scatters below the dotted line and grows as the step shrinks. The complex step
# falls along the same dashed line and then stays at the bottom, at about 1e-16, for every smaller step.*
#
# The bottom of the V lies where both errors are alike, $s \approx \varepsilon^{1/3}$, roughly $10^{-5}$, and its depth
# is about $\varepsilon^{2/3}$, between $10^{-11}$ and $10^{-10}$: a third of the sixteen digits is lost for good. With
# about four digits to spare, the checker allows central differences an error of $10^{-7}$ and the complex step one of
# $10^{-12}$.

# %%
best = steps[np.argmin(error(central))]
assert 1e-7 < best < 1e-3
assert error(complex_step)[steps < 1e-9].max() < 1e-14  # no V
assert error(central)[steps < 1e-15].max() > 1e-3
print("central differences are best between 1e-7 and 1e-3; the complex step is right to 14 digits below 1e-9")

# %% [markdown]
# The price: the forward must be able to compute with complex numbers, so no `abs`, no cast to real. `bias_relu` above
# compares `z.real` for this reason.
#
# ## Third check: the adjoint law
#
# `W` has 6 entries. Must we measure 6 slopes? No. Let $J$ be the matrix of all $\partial y_{il} / \partial W_{kj}$. We
# never build it; but a forward pass tells us $Jv$, how the outputs move when $W$ moves by $v$, and a backward pass
# tells us $J^\top dy$, which is `dW`. With $\langle a, c \rangle$ for the sum of all products of entries, these two
# must agree:
#
# $$\langle dy, \, J v \rangle = \langle J^\top dy, \, v \rangle .$$
#
# Pushing a nudge up and asking how much the objective likes it is the same as pulling the objective's wish down and
# asking how much the nudge agrees with it. For one random $v$ and one random $dy$ this is a single number on each side,
# and a wrong entry anywhere in `dW` disturbs it.
#
# The law is also the quickest derivation. For $y = xW$ we have $Jv = xv$, and
#
# $$\langle dy, \, x v \rangle = \sum_{ijk} dy_{ij} \, x_{ik} \, v_{kj} = \langle x^\top dy, \, v \rangle,$$
#
# so the factor of $v$, $x^\top dy$, is `dW`. Transposes fall out; nobody has to remember them.

# %%
v = rng.standard_normal(W.shape)
random_dy = rng.standard_normal(y.shape)
pushed_up = (random_dy * (x @ v)).sum()
pulled_down = (layer.backward(layer.forward(params, x)[1], random_dy)[1]["W"] * v).sum()
np.testing.assert_allclose(pushed_up, pulled_down, rtol=1e-13)
print(f"{pushed_up:.4f} = {pulled_down:.4f}")

# %% [markdown]
# `croco_np.gradcheck.check` does this for every parameter and every input of floats: a random `dy`, a random `v`, and
# $Jv$ once by the complex step and once by central differences. (`v` has random signs and sizes: with signs alone, two
# errors of one size, as when two entries are swapped, would cancel half of the time.) One row of its table is one
# *leaf* (an array) with one method. Our tower has four parameters and one input, hence ten rows:

# %%
checks = check(tower, p, (h,), np.random.default_rng(0), name="Tower")
assert_ok(checks)
assert len(checks) == 10
print(f"{len(checks)} checks passed:", sorted({c.name for c in checks}))

# %% [markdown]
# ### On the kink
#
# ReLU has slope 0 at $z = 0$ by convention. Central differences do not know it: they step to both sides and report the
# mean of both slopes, $1/2$. Below all of $W$ and $b$ are 0, so every unit sits exactly on the kink. The checker sees
# that halving the step does not bring the two one-sided slopes together, and calls it a kink: neither right nor wrong,
# draw again. (The error is 1, all of the measured slope, since the backward pass says 0. The complex step moves along
# the imaginary axis, never crosses the kink, and agrees with the backward pass.)

# %%
on_the_kink = {"W": np.zeros((3, 2)), "b": np.zeros(2)}
checks = check(Dense(3, 2), on_the_kink, (x,), np.random.default_rng(1), name="Dense")
print(report([c for c in checks if c.kink]))
assert {c.name for c in checks if c.kink} == {"Dense: W", "Dense: b"}
assert all(c.method == "central differences" for c in checks if c.kink)

# %% [markdown]
# ## Bug 1: a transpose forgotten
#
# Here is a backward pass with `W` where `W.T` belongs. The layer has 3 inputs and 3 outputs, so the shapes fit.
#
# Predict before you run: which leaves are wrong? `W` and `b` have their right formulas. Only `dx` is wrong; the checker
# calls the first input `input 0`. It samples single entries of `dx`, finds them wrong by no common factor, and names
# what that looks like: a missing term or a transposed upstream.


# %% tags=["planted-bug"]
class Transposed(Linear):
    def backward(self, c, dy):
        _, grads = super().backward(c, dy)
        return dy @ c.p["W"], grads  # wrong: W for W.T


rng = np.random.default_rng(2)
square = {"W": rng.standard_normal((3, 3)), "b": rng.standard_normal(3)}
rows = rng.standard_normal((4, 3))
catches(Transposed(3, 3), square, (rows,), leaves={"input 0"})

# %% [markdown]
# ## Bug 2: a mean for a sum
#
# $db = \sum_i dy_i$. With a mean in its place every entry is too small by the same factor, $1/B$. The batch has 4 rows,
# so the checker should report 0.25 times the right value, for `b` alone.
#
# The mistake is common because averages do belong somewhere: in the *objective*, once. If $L$ is a mean over rows, the
# $1/B$ is already in `dy`. A layer that divides again makes its step depend on the batch size.


# %% tags=["planted-bug"]
class Averaged(Linear):
    def backward(self, c, dy):
        dx, grads = super().backward(c, dy)
        return dx, grads | {"b": dy.mean(axis=0)}  # wrong: the rows add up


catches(Averaged(3, 3), square, (rows,), leaves={"b"})

# %% [markdown]
# ## Why random numbers, and not ones
#
# A tempting check sets every `dy` to 1, and compares with how much the plain sum of `y` changes under a nudge. Look at
# these three versions of `db` in a batch of 4 rows and 3 outputs:

# %%
versions = {
    "right": lambda dy: dy.sum(axis=0),
    "forgets dy": lambda dy: np.full(3, 4.0),
    "sums all columns": lambda dy: np.full(3, dy.sum() / 3),
}
ones, random = np.ones((4, 3)), rng.standard_normal((4, 3))
for name, version in versions.items():
    print(f"{name:17}", "ones:", version(ones), " random:", version(random))
    np.testing.assert_array_equal(version(ones), [4, 4, 4])
    assert name == "right" or not np.allclose(version(random), random.sum(axis=0))

# %% [markdown]
# With ones all three agree. The second has forgotten its upstream altogether: inside a network it would train on
# nonsense, and a check with ones would call it right. Ones see only the sum over all outputs; whatever mixes the
# outputs up or ignores `dy` can hide behind them. (In tutorial 3 a gate whose backward ignores `dy` passes the test
# with ones.)
#
# ## Bug 3: upstream forgotten
#
# The checker's `dy` is random, so it must find `b`. It cannot name a factor: the right `db` has three different
# entries, and this one says 4 three times.


# %% tags=["planted-bug"]
class Deaf(Linear):
    def backward(self, c, dy):
        dx, grads = super().backward(c, dy)
        return dx, grads | {"b": np.full(self.n_out, float(len(dy)))}  # wrong: the slope of y.sum(), not of L


catches(Deaf(3, 3), square, (rows,), leaves={"b"})

# %% [markdown]
# ## Exercises
#
# Each answer is graded by hidden checks on random numbers; a wrong one gets a hint. A cell that is still open says so.
#
# **Exercise 1.1, scale and shift.** Every column has a factor and a shift of its own: $y_{ij} = a_j x_{ij} + c_j$. The
# cache is the pair `(a, x)`. Return `dx, da, dc`.


# %%
def scale_backward(cache, dy):
    """cache = (a, x) -> dx, da, dc."""
    raise NotImplementedError


grade("1.1", scale_backward)

# %% [markdown]
# **Exercise 1.2, one matrix, two uses.** An auto-encoder with tied weights: $y = x W W^\top$, with $x$ (B, n) and $W$
# (n, k). The cache is the pair `(W, x)`. Return `dx, dW`. Give the two uses of $W$ different names first.


# %%
def tied_backward(cache, dy):
    """cache = (W, x) -> dx, dW."""
    raise NotImplementedError


grade("1.2", tied_backward)

# %% [markdown]
# **Exercise 1.3, squared ReLU.** $y = \max(z, 0)^2$ with $z = xW + b$. The cache is `(W, x, z)`. Return `dx, dW, db`.


# %%
def squared_relu_backward(cache, dy):
    """cache = (W, x, z) -> dx, dW, db."""
    raise NotImplementedError


grade("1.3", squared_relu_backward)

# %% [markdown]
# **Exercise 1.4, a step for float32.** You must check a layer by central differences in float32, where
# $\varepsilon \approx 1.2 \cdot 10^{-7}$; take $|\varphi|$ and $|\varphi'''(0)|$ to be about 1. Which step do you take?
# A number, right within a factor of 4.

# %%
step_for_float32 = ...
grade("1.4", step_for_float32)

# %% [markdown]
# ## Further reading
#
# - [layers/linear.py](../croco_np/layers/linear.py), [layers/mlp.py](../croco_np/layers/mlp.py) and
#   [gradcheck/check.py](../croco_np/gradcheck/check.py): what you have just read, whole.
# - D. E. Rumelhart, G. E. Hinton, R. J. Williams, *Learning representations by back-propagating errors* (Nature, 1986).
# - W. Squire, G. Trapp, *Using complex variables to estimate derivatives of real functions* (SIAM Review, 1998): the
#   complex step.
# - X. Glorot, Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks* (AISTATS, 2010):
#   where the starting weights of `Linear` come from.
#
# [Next: 2. Look up and sum](02_look_up_and_sum.ipynb)
