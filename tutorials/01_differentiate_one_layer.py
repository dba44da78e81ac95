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
# **What you will do.** Differentiate $y = xW + b$ on six numbers, then for every size. Build three instruments that
# tell a right gradient from a wrong one, and use them on wrong ones.
#
# **What you will learn.** What `dW` means and how to derive it; what shapes can prove and what they cannot; where ReLU
# has no derivative; why a gradient is checked with random numbers.
#
# **What you need.** NumPy and the chain rule. On the site, cells are shown with what they print, and exercises run in
# the page; in a notebook, run the cells in order.
#
# **Equations:** Eq. (5)
#
# <!-- links: written by python -m tutorials.publish.equations -->
# - [Eq. (5)](reference/equations.md#eq-5):
#   [`Tower`](../croco_np/layers/mlp.py#L68), [test by hand](../tests/layers/test_by_hand.py#L50),
#   [in this lesson](#The-tower-of-Eq.-%285%29)
# <!-- end of links -->

# %% tags=["hide-input"]
import numpy as np

from croco_np.gradcheck import assert_ok, check, report
from croco_np.kernels.relu import bias_relu, relu_backward
from croco_np.layers import Dense, Linear, Tower
from croco_np.layers.chain import Chain
from croco_np.teaching import catches, grade, show
from croco_np.teaching.pictures import you_are_here
from croco_np.teaching.pictures.lesson01 import adjoint_square, jacobian, weight_gradient
from croco_np.teaching.pictures.lesson01_nudge import nudge_a_weight
from croco_np.teaching.pictures.lesson01_slope import slope_by_steps

np.set_printoptions(precision=4, suppress=True)

# %% [markdown]
# Ten tutorials take apart [Crocodile](https://arxiv.org/abs/2405.12706) ("the paper"), which predicts clicks in several
# *domains* at once, such as the tabs of an app. The first differentiates the layer that all of it is made of. This is
# what you will derive. Point at a number of `dW` (or tap it, or use the Tab key) to see what it is made of.

# %% tags=["hide-input"]
weight_gradient(x=np.array([[1.0, 2, 0], [0, 1, 3]]), dy=np.array([[1.0, -2], [0, 1]]))

# %% [markdown]
# `x` is what went into the layer, a row for each example. `dy` says how the objective changes with each output, and
# `dW` how it changes with each weight.
#
# ## Two rows on the blackboard
#
# A *batch* has $B = 2$ rows. Each row holds 3 inputs and becomes 2 outputs, $y = xW + b$: `x` has the shape (2, 3), `W`
# (3, 2), `b` (2) and `y` (2, 2). All rows share `W` and `b`. Work out the first output yourself before you look
# below: $1 \cdot 1 + 2 \cdot 2 + 0 \cdot 0 + 1 = 6$.

# %%
x = np.array([[1.0, 2, 0], [0, 1, 3]])
W = np.array([[1.0, 0], [2, -1], [0, 1]])
b = np.array([1.0, 0])
y = x @ W + b
print(y)

# %% [markdown]
# A gradient needs a single number to be the gradient *of*: the objective $L$. Take half the squared distance to targets
# $t$; its slope in each output is $\partial L / \partial y_{ij} = y_{ij} - t_{ij}$. The array of these slopes is called
# `dy`, and so it is for every name: **`da` is the gradient of the objective with respect to `a`, and has the shape of
# `a`.**

# %%
t = np.array([[5.0, 0], [3, 1]])


def objective(x, W, b):
    return ((x @ W + b - t) ** 2).sum() / 2


dy = y - t
print(dy)

# %% [markdown]
# ## What one number of dW means
#
# Nudge one weight, `W[1, 0]` (counted from 0), by 0.001 and look at $L$. The change divided by the nudge is, up to the
# size of the nudge, the number that belongs at that place of `dW`.

# %%
nudged = W.copy()
nudged[1, 0] += 0.001
print(f"{(objective(x, nudged, b) - objective(x, W, b)) / 0.001:.4f}")

# %% [markdown]
# So `dW[1, 0]` should be 2. Where does it come from? The weight carries input 1 to output 0, in *both* rows. In row 0
# the input is 2, and $L$ rises by `dy[0, 0]` = 1 for each unit of the output: that gives $2 \cdot 1$. In row 1 the
# input is 1 but `dy[1, 0]` = 0: that gives $1 \cdot 0$. A weight that is used in many places collects from all of them.
# Shrink the nudge, and try the other weights; their slopes are the numbers of the first picture:

# %% tags=["hide-input"]
nudge_a_weight(lambda W: objective(x, W, b), W)

# %% [markdown]
# ## Derive it with indices
#
# Write the forward pass with all indices, $y_{il} = \sum_k x_{ik} W_{kl} + b_l$. The chain rule goes through everything
# that the weight can change, so it sums over *all* outputs $y_{il}$:
#
# $$dW_{kj} = \frac{\partial L}{\partial W_{kj}} = \sum_{il} dy_{il} \, \frac{\partial y_{il}}{\partial W_{kj}}.$$
#
# The slopes $\partial y_{il} / \partial W_{kj}$ have four indices: two say which output, two say which weight. Lay them
# out as one matrix $J$, with a row for each of the 4 outputs and a column for each of the 6 weights. It falls into
# blocks: where $l = j$ the block is `x` itself, elsewhere it is 0, because column $j$ of $W$ reaches column $j$ of $y$
# only. The outputs stand column by column, $y_{00}, y_{10}, y_{01}, y_{11}$, and `dy` beside them does,
# too: it is `dy.T.ravel()`. The chain rule is then a column of $J$ times `dy`. Point at an entry:

# %% tags=["hide-input"]
jacobian(x, dy)

# %% [markdown]
# With $\delta_{lj}$ for "1 where $l = j$, else 0", the picture in symbols, and the other two gradients in the same way:
#
# $$\begin{aligned}
# dW_{kj} &= \sum_{il} dy_{il} \, x_{ik} \, \delta_{lj} = \sum_i x_{ik} \, dy_{ij} \\
# db_j &= \sum_i dy_{ij} \\
# dx_{ik} &= \sum_{l} dy_{il} \, W_{kl}
# \end{aligned}$$
#
# In a matrix product $AC$ the summed index is the last one of $A$ and the first one of $C$. In $dW_{kj}$ it is the row
# $i$, the *first* index of $x$, so $x$ has to be turned over:
#
# $$\begin{aligned}
# dx &= dy \, W^\top \\
# dW &= x^\top dy \\
# db &= \sum_i dy_i
# \end{aligned}$$
#
# In `dx` each output that $x_{ik}$ reached is weighted by its path. `dW` and `db` are sums over the rows, since all
# rows share `W` and `b`.

# %%
dx = dy @ W.T
dW = x.T @ dy
db = dy.sum(axis=0)
print(dx, dW, db, sep="\n\n")

assert dW[1, 0] == 2  # the number of the nudge
np.testing.assert_array_equal(dW, np.einsum("ik,ij->kj", x, dy))  # the sum over rows, as the indices say

# %% [markdown]
# ## Shapes as proof-reading
#
# You have forgotten the formula for `dW`, but you know the shapes. Take 5 rows, so that all sizes differ: `dW` is made
# of `x` (5, 3) and `dy` (5, 2), and has to be (3, 2). Only `x.T @ dy` fits. This finds most slips of the pen, but not
# all: our blackboard has 2 rows and 2 outputs, so `x.T @ dy.T` fits as well, and is wrong; and `dy.mean(axis=0)` has
# the shape of `dy.sum(axis=0)`. Try a new layer on sizes that all differ, and do not take a fitting shape for a proof.
#
# ## The form of every layer
#
# A layer is an object of sizes; it owns no arrays. `forward(params, x)` returns the output and a *cache*, what the
# backward pass will need. `backward(cache, dy)` gets the gradient of whatever comes after, and returns `dx` for
# whatever comes before, and the gradients of the parameters under the names they have in `params`. The library's lines
# are our three formulas:

# %%
show(Linear.forward, Linear.backward)

# %% [markdown]
# Nothing here knows $L$: everything about the objective has come in through `dy`. That is why a layer written once
# serves in every model.

# %%
layer = Linear(3, 2)
params = {"W": W, "b": b}
y_layer, cache = layer.forward(params, x)
dx_layer, grads = layer.backward(cache, dy)

np.testing.assert_array_equal(dx_layer, dx)
np.testing.assert_array_equal(grads["W"], dW)
np.testing.assert_array_equal(grads["b"], db)
print("cache:", cache._fields, " gradients:", list(grads))

# %% [markdown]
# ### At length: layers one after the other
#
# A chain of layers is two loops. Upwards, each output is the next one's input. Downwards, each `dx` is the previous
# one's `dy`:

# %%
show(Chain.forward, Chain.backward)

# %% [markdown]
# ## ReLU, and the point where it has no derivative
#
# ReLU keeps what is positive: $y = \max(z, 0)$ with $z = xW + b$. Its slope is 1 for $z > 0$ and 0 for $z < 0$, so `dz`
# is `dy` where $z > 0$ and 0 elsewhere, and from `dz` on it is the linear layer again. At $z = 0$ there is a kink: the
# slope is 1 from the right, 0 from the left. Any number between may be called the slope there; the library takes 0, as
# PyTorch does.
#
# `Dense` is both together. Its mask reads $y$, not $z$: $y > 0$ exactly where $z > 0$, so $z$ need not be kept.
# (`@kernel` marks a function that also has a compiled version; read on as if it were not there.)

# %%
show(bias_relu, relu_backward, Dense.backward)

# %% [markdown]
# ## The tower of Eq. (5)
#
# The paper's tower turns the vector $h$ of one row into a click probability:
#
# $$p = \mathrm{sigmoid}(\mathrm{tower}(h))$$
#
# with $\mathrm{sigmoid}(z) = 1 / (1 + e^{-z})$, which the loss computes. The tower itself is a stack of `Dense` layers
# and a `Linear` layer to one number, the *logit* $z$. (Each domain has its own tower; here
# is one.) In the whole model it is the last box before the loss. Later tutorials take the others apart; a click on a
# box opens the library's lines, which you need not read yet.

# %% tags=["hide-input"]
you_are_here("towers")

# %% [markdown]
# The backward pass has the lines of the forward pass from bottom to top. Parameters of a layer made of layers are dicts
# and lists, nested: a *tree*. Its arrays are called *leaves*, the grey squares of the picture, and each is named by its
# path, such as `hidden.0.W`.

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
# function of one number, the step $s$. Its slope at 0 is close to that of the chord between $-s$ and $s$:
#
# $$\frac{\varphi(s) - \varphi(-s)}{2 s} = \varphi'(0) + \frac{s^2}{6} \varphi'''(0) + \dots$$
#
# Two errors are in it. *Truncation*, the second term: a chord is exact for a parabola, and $\varphi'''$ says how far
# the curve is from one; it shrinks with $s^2$. *Rounding*: the computer keeps about 16 digits of $\varphi$, a relative
# error of $\varepsilon \approx 2.2 \cdot 10^{-16}$, which is then divided by $s$: about $\varepsilon |\varphi| / s$,
# and this *grows* as the step shrinks.
#
# ## Second check: the complex step
#
# Step along the imaginary axis instead. If $f$ can compute with complex numbers, Taylor's series gives
#
# $$\frac{\mathrm{Im} \, \varphi(\mathrm{i} s)}{s} = \varphi'(0) - \frac{s^2}{6} \varphi'''(0) + \dots$$
#
# Nothing is subtracted, hence nothing cancels, and $s$ may be $10^{-30}$. Try both on the sum of the probabilities of a
# tower without hidden layer, whose slope we know: $\mathrm{sigmoid}' = p (1 - p)$.

# %%
W_logit, direction = rng.standard_normal((3, 1)), rng.standard_normal((3, 1))


def phi(s):
    return (1 / (1 + np.exp(-(h @ (W_logit + s * direction))))).sum()


p_click = 1 / (1 + np.exp(-(h @ W_logit)))
dW_logit = h.T @ (p_click * (1 - p_click))  # x^T dz with dz = p (1 - p)
true_slope = (dW_logit * direction).sum()
steps = 10.0 ** np.arange(0, -16.1, -0.5)
slope_by_steps(phi, true_slope, steps)

# %% [markdown]
# Move the step from 1 to $10^{-16}$: the curve straightens and then turns into a staircase. The two errors of central
# differences make a V. Its bottom lies where they are alike, $s \approx \varepsilon^{1/3}$, roughly $10^{-5}$, and its
# depth is about $\varepsilon^{2/3}$, between $10^{-11}$ and $10^{-10}$. So the checker of this library allows central
# differences an error of $10^{-7}$ and the complex step one of $10^{-12}$. (All of these are relative errors.)

# %% tags=["hide-input"]
central = np.array([(phi(s) - phi(-s)) / (2 * s) for s in steps])
imaginary = np.array([phi(1j * s).imag / s for s in steps])
error = abs(central / true_slope - 1)
assert 1e-7 < steps[error.argmin()] < 1e-3
assert abs(imaginary / true_slope - 1)[steps < 1e-9].max() < 1e-14  # no V
assert error[steps < 1e-15].max() > 1e-3

# %% [markdown]
# The price of the complex step: the forward must be able to compute with complex numbers, so no `abs`, no cast to real.
# `bias_relu` above compares `z.real` for this reason.
#
# ### At length: both errors from Taylor's series
#
# $$\begin{aligned}
# \varphi(\pm s) = \varphi(0) &\pm s \, \varphi'(0) + \frac{s^2}{2} \varphi''(0) \\
# &\pm \frac{s^3}{6} \varphi'''(0) + \dots
# \end{aligned}$$
#
# In the difference $\varphi(s) - \varphi(-s)$ the even terms cancel, those of $\varphi(0)$ and $\varphi''(0)$; that is
# why parabolas come out exact. What is left is $2 s \varphi' + \frac{s^3}{3} \varphi'''$; divide by $2 s$. For the
# complex step put $\mathrm{i} s$ in place of $s$: the even terms are real, the odd ones imaginary, and $\mathrm{i}^3 =
# -\mathrm{i}$ turns the sign of the third derivative.
#
# For a sum of sigmoids the third derivative can be written down, $\mathrm{sigmoid}''' = q (1 - 6 q)$ with
# $q = p (1 - p)$, times the cube of how much $v$ moves the logit. So the right arm of the V can be foretold, here as
# absolute errors (the picture's are these, divided by the slope):

# %%
q = p_click * (1 - p_click)
third = (q * (1 - 6 * q) * (h @ direction) ** 3).sum()
for s in (1e-1, 1e-2, 1e-3):
    measured = (phi(s) - phi(-s)) / (2 * s) - true_slope
    print(f"s = {s:g}: error {measured:.3e}, foretold {s**2 / 6 * third:.3e}")
np.testing.assert_allclose(measured, 1e-6 / 6 * third, rtol=1e-3)

# %% [markdown]
# ## Third check: the adjoint law
#
# `W` has 6 entries. Must we measure 6 slopes? No. Nobody builds $J$; but a forward pass tells us $Jv$, how the outputs
# move when $W$ moves by $v$, and a backward pass tells us $J^\top dy$, which is `dW`. With $\langle a, c \rangle$ for
# the sum of all products of entries, these two must agree:
#
# $$\langle dy, \, J v \rangle = \langle J^\top dy, \, v \rangle .$$
#
# Push the nudge $v$ up, to the outputs, and multiply by how fast $L$ rises with them; or pull these slopes down, to the
# weights, and multiply by how far each is moved: two ways to one number, by which $L$ rises. Step through them, then
# choose a wrong backward pass.

# %% tags=["hide-input"]
adjoint_square(x, dy, v=np.array([[1.0, 0], [-1, 2], [2, 1]]))

# %% [markdown]
# For one random $v$ and one random $dy$, a wrong entry anywhere in `dW` disturbs this one number.
#
# `croco_np.gradcheck.check` does this for every parameter and every input of floats: a random `dy`, a random `v`, and
# $Jv$ once by the complex step and once by central differences. One row of its table is one *leaf* (an array) with one
# method. Our tower has four parameters and one input, hence ten rows:

# %%
checks = check(tower, p, (h,), np.random.default_rng(0), name="Tower")
assert_ok(checks)
assert len(checks) == 10
print(f"{len(checks)} checks passed:", sorted({c.name for c in checks}))

# %% [markdown]
# ### At length: the law as the quickest derivation
#
# For $y = xW$ we have $Jv = xv$, and
#
# $$\langle dy, \, x v \rangle = \sum_{ijk} dy_{ij} \, x_{ik} \, v_{kj} = \langle x^\top dy, \, v \rangle,$$
#
# so the factor of $v$, $x^\top dy$, is `dW`. Transposes fall out; nobody has to remember them.
#
# ### At length: on the kink
#
# Central differences know nothing of the convention at $z = 0$: they step to both sides and report the mean of both
# slopes, $1/2$. Below all of $W$ and $b$ are 0, so every unit sits exactly on the kink. The checker sees that halving
# the step does not bring the two one-sided slopes together, and calls it a kink: neither right nor wrong, draw again.
# (The error is 1, all of the measured slope, since the backward pass says 0. The complex step moves along the imaginary
# axis, never crosses the kink, and agrees with the backward pass.)
#
# The checker's `v` has random signs *and* sizes: with signs alone, two errors of one size, as when two entries are
# swapped, would cancel half of the time.

# %%
on_the_kink = {"W": np.zeros((3, 2)), "b": np.zeros(2)}
checks = check(Dense(3, 2), on_the_kink, (x,), np.random.default_rng(1), name="Dense")
print(report([c for c in checks if c.kink]))
assert {c.name for c in checks if c.kink} == {"Dense: W", "Dense: b"}
assert all(c.method == "central differences" for c in checks if c.kink)

# %% [markdown]
# ## Bug 1: a transpose forgotten
#
# Here is a backward pass with `W` where `W.T` belongs. The layer has 3 inputs and 3 outputs, so the shapes fit. Predict
# before you run: which leaves are wrong?


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
# `W` and `b` have their right formulas. Only `dx` is wrong; the checker calls the first input `input 0`. It samples
# single entries of `dx`, finds them wrong by no common factor, and names what that looks like.
#
# An `error` is a difference, what the backward pass says along $v$ less what was measured along $v$, divided by the
# largest of three: either of these, and the length of the gradient. Each method draws a $v$ of its own, hence two
# errors for one mistake. Only their being far above the bound counts.
#
# ## Bug 2: a mean for a sum
#
# $db = \sum_i dy_i$. With a mean in its place every entry is a quarter of the right one, as the batch has 4 rows.
# The mistake is common because averages do belong somewhere: in the *objective*, once. If $L$ is a mean over rows, the
# $1/B$ is already in `dy`.


# %% tags=["planted-bug"]
class Averaged(Linear):
    def backward(self, c, dy):
        dx, grads = super().backward(c, dy)
        return dx, grads | {"b": dy.mean(axis=0)}  # wrong: the rows add up


catches(Averaged(3, 3), square, (rows,), leaves={"b"})

# %% [markdown]
# Three quarters of `db` are missing, so $3/4$ is the most that the error can be. The second $v$ happens to lie more
# across `db` than along it: both slopes are small there, and the error is divided by the length of `db` instead.
#
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
# nonsense, and a check with ones would call it right.
#
# ### At length: bug 3, upstream forgotten
#
# Here is the second version in a layer. The checker's `dy` is random, so it must find `b`. It cannot name a factor: the
# right `db` has three different entries, and this one says 4 three times.


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
