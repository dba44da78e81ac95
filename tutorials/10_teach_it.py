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
# # 10. Teach it
#
# **What you will do.** Find the wrong line in seven broken backward passes, with the checker as your witness. Then
# change sides: write an exercise that tells a wrong answer *why*.
#
# **What you will learn.** To read a checker's report backwards, from the leaf and the hint to the line; what a good
# exercise is made of; what students get wrong.
#
# **What you need.** Tutorials 1 to 3 for the seven broken passes; for teaching, all of them.
#
# **Equations:** none of the paper's; the law that all checks stand on, $\langle dy, J v\rangle = \langle J^T dy,
# v\rangle$

# %% tags=["hide-input"]
import numpy as np

from croco_np.gradcheck import check
from croco_np.kernels.mix import softmax
from croco_np.layers import Linear
from croco_np.teaching import catches, exercise, grade
from croco_np.teaching.grading import verdict
from croco_np.teaching.pictures.lesson10 import adjoint_square, broken_pass

np.set_printoptions(precision=4, suppress=True)

# %% [markdown]
# ## One picture for the board
#
# Turn the push, then take the wrong backward of tutorial 1, `dy @ W`.


# %% tags=["hide-input"]
class Transposed(Linear):
    def backward(self, c, dy):
        _, grads = super().backward(c, dy)
        return dy @ square["W"], grads


square = {"W": np.array([[1.2, 0.9], [-0.4, 0.8]]), "b": np.zeros(2)}
layers = {"dy @ W.T": Linear(2, 2), "dy @ W": Transposed(2, 2)}
adjoint_square(layers, square, np.array([[0.5, -1.0]]), np.array([[0.7, 1.0]]))

# %% [markdown]
# A layer takes $x$ to $y$. A small push $v$ of $x$ arrives as $J v$, where $J$ is the matrix of derivatives of $y$ with
# respect to $x$. Backward takes a gradient $dy$ the other way, to $dx = J^T dy$. Neither needs $J$ itself. And whoever
# is asked, the change of the objective is the same number:
#
# $$\langle dy,\; J v \rangle \;=\; \langle J^T dy,\; v \rangle$$
#
# The left side is measured on the forward pass; the right side is what the backward pass claims. That is the whole
# checker. A wrong backward is right for some pushes, and so the checker draws them at random.
#
# ## Seven broken backward passes
#
# Each layer below is right in its forward and wrong in one line of its backward. The rules for a class:
#
# 1. *Read first.* Two minutes, pen on paper. Write down a line and a reason.
# 2. *Then look at the graph*, forward on the left, backward on the right, and click the operation that you believe
#    wrong. What lies below it would be wrong, too: does that fit?
# 3. *Then read the report:* a right leaf is evidence as good as a wrong one. All lines that only lead to right leaves
#    are innocent.
# 4. *Answer* with the number of the line where a name first holds what it should not. (Further down, a repair may be
#    possible, too.)

# %% tags=["hide-input"]
rng = np.random.default_rng(0)
x, x2 = rng.standard_normal((6, 4)), rng.standard_normal((6, 4))
W = {"W": rng.standard_normal((4, 4)), "b": rng.standard_normal(4)}

# %% [markdown]
# **10.1, one factor for all.** $y = a\, x$ with a single number $a$, kept as an array of shape (1,).


# %%
class Scale:
    def forward(self, p, x):
        return p["a"] * x, (p, x)

    def backward(self, c, dy):  # 1
        p, x = c  # 2
        dx = p["a"] * dy  # 3
        da = (dy * x).sum(axis=0)  # 4
        return dx, {"a": da}  # 5


# %% tags=["hide-input"]
broken_pass("10.1")

# %% tags=["planted-bug"]
catches(Scale(), {"a": np.array([2.0])}, (x,), leaves={"a"})

# %% [markdown]
# The kindest of all mistakes: a wrong shape, which is found without any derivative.

# %%
line = ...
grade("10.1", line)

# %% [markdown]
# **10.2, a sigmoid.** $y = \sigma(u)$, $u = xW + b$, and $\sigma' = \sigma (1 - \sigma)$.


# %%
class Sigmoid:
    def forward(self, p, x):
        u = x @ p["W"] + p["b"]
        y = (1 + np.tanh(u / 2)) / 2
        return y, (p, x, u, y)

    def backward(self, c, dy):  # 1
        p, x, u, y = c  # 2
        du = dy * y * (1 - u)  # 3
        dW = x.T @ du  # 4
        db = du.sum(axis=0)  # 5
        return du @ p["W"].T, {"W": dW, "b": db}  # 6


# %% tags=["hide-input"]
broken_pass("10.2")

# %% tags=["planted-bug"]
catches(Sigmoid(), W, (x,), leaves={"W", "b", "input 0"})

# %% [markdown]
# *All* leaves are wrong. Then either every line is wrong, or one that all roads pass.

# %%
line = ...
grade("10.2", line)

# %% [markdown]
# **10.3, a residual block.** $y = x + \tanh(xW + b)$, with $\tanh' = 1 - \tanh^2$.


# %%
class Residual:
    def forward(self, p, x):
        t = np.tanh(x @ p["W"] + p["b"])
        return x + t, (p, x, t)

    def backward(self, c, dy):  # 1
        p, x, t = c  # 2
        du = dy * (1 - t**2)  # 3
        grads = {"W": x.T @ du, "b": du.sum(axis=0)}  # 4
        dx = du @ p["W"].T  # 5
        return dx, grads  # 6


# %% tags=["hide-input"]
broken_pass("10.3")

# %% tags=["planted-bug"]
catches(Residual(), W, (x,), leaves={"input 0"})

# %% [markdown]
# Weights and bias are right, so $du$ is right, whatever it looks like. How often is $x$ read in the forward?

# %%
line = ...
grade("10.3", line)

# %% [markdown]
# **10.4, a factorisation machine.** Of the $F$ embeddings $x_f$ of a row, take all products of pairs, by a famous short
# cut:
#
# $$y = \sum_{f < g} x_f * x_g = \tfrac12 \bigl( (\sum_f x_f)^2 - \sum_f x_f^2 \bigr)$$


# %%
class Pairs:
    def forward(self, p, x):
        total = x.sum(axis=1)
        twice = total**2 - (x**2).sum(axis=1)  # each pair, there and back
        return twice / 2, (x, total)

    def backward(self, c, dy):  # 1
        x, total = c  # 2
        dtwice = dy  # 3
        dtotal = 2 * total * dtwice  # 4
        dx = dtotal[:, None] - 2 * x * dtwice[:, None]  # 5
        return dx, {}  # 6


# %% tags=["hide-input"]
broken_pass("10.4")

# %% tags=["planted-bug"]
catches(Pairs(), {}, (rng.standard_normal((6, 3, 4)),), leaves={"input 0"})

# %% [markdown]
# The hint gives a number: all of the gradient is too large by it. In which step of the forward does it occur?

# %%
line = ...
grade("10.4", line)

# %% [markdown]
# **10.5, layer normalisation.** For each row, $\hat x = (x - \mu) / s$ with the row's mean $\mu$ and standard deviation
# $s$; then $y = \gamma * \hat x$. Derived in [norm.py](../croco_np/layers/norm.py) for columns in the place of rows:
#
# $$s \, dx = d\hat x - \text{mean}(d\hat x) - \hat x\, \text{mean}(d\hat x * \hat x)$$


# %%
class LayerNorm:
    def forward(self, p, x):
        centred = x - x.mean(axis=1, keepdims=True)
        s = np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
        return p["gamma"] * centred / s, (p, centred / s, s)

    def backward(self, c, dy):  # 1
        p, xhat, s = c  # 2
        dgamma = (dy * xhat).sum(axis=0)  # 3
        dxhat = p["gamma"] * dy  # 4
        shift = dxhat.mean(axis=1, keepdims=True)  # 5
        stretch = (dxhat * xhat).mean(axis=1, keepdims=True)  # 6
        dx = (dxhat - shift - stretch) / s  # 7
        return dx, {"gamma": dgamma}  # 8


# %% tags=["hide-input"]
broken_pass("10.5")

# %% tags=["planted-bug"]
catches(LayerNorm(), {"gamma": rng.standard_normal(4)}, (x,), leaves={"input 0"})

# %% [markdown]
# "No common factor": a term is missing or incomplete. Compare with the formula symbol by symbol.

# %%
line = ...
grade("10.5", line)

# %% [markdown]
# **10.6, side by side.** Two inputs of width 4 are put next to each other and multiplied: $y = [x, x'] W$.


# %%
class SideBySide:
    def forward(self, p, x, x2):
        both = np.concatenate([x, x2], axis=1)
        return both @ p["W"], (p, both, x.shape[1])

    def backward(self, c, dy):  # 1
        p, both, width = c  # 2
        dboth = dy @ p["W"].T  # 3
        dW = both.T @ dy  # 4
        dx2, dx = np.split(dboth, [width], axis=1)  # 5
        return (dx, dx2), {"W": dW}  # 6


# %% tags=["hide-input"]
broken_pass("10.6")

# %% tags=["planted-bug"]
catches(SideBySide(), {"W": rng.standard_normal((8, 3))}, (x, x2), leaves={"input 0", "input 1"})

# %% [markdown]
# Shapes are right, since both inputs have the same width. Give them different widths and this bug names itself: *choose
# sizes that differ, in tests and on the board.*

# %%
line = ...
grade("10.6", line)

# %% [markdown]
# **10.7, a temperature.** $g = \text{softmax}(a / \tau)$ with $\tau = 2$. With $z = a / \tau$:
# $dz_m = g_m (dg_m - \sum_n g_n\, dg_n)$.


# %%
class Tempered:
    tau = 2.0

    def forward(self, p, a):
        g = softmax(a / self.tau)
        return g, g

    def backward(self, g, dg):  # 1
        mean = (g * dg).sum(axis=1, keepdims=True)  # 2
        dz = g * (dg - mean)  # 3
        da = dz  # 4
        return da, {}  # 5


# %% tags=["hide-input"]
broken_pass("10.7")

# %% tags=["planted-bug"]
catches(Tempered(), {}, (x,), leaves={"input 0"})

# %%
line = ...
grade("10.7", line)

# %% [markdown]
# ## What the report tells, in general
#
# | the report says | look for |
# |---|---|
# | all leaves wrong | the first line of the backward: what all roads pass |
# | inputs wrong, parameters right | the lines for the inputs: a road (an input read twice), a term, a swap |
# | one parameter wrong | its own line |
# | a common factor | a mean for a sum, a forgotten or doubled constant |
# | right at some entries | a mask, an index, repeated ids |
# | no gradient arrives | a value dropped; a stop-gradient too many |
# | a wrong shape | a broadcast in the forward whose sum is missing in the backward |
# | a kink | nothing: draw again |
#
# ## An exercise of your own
#
# `grade` looks up a check, a function of the answer that returns `None` or a hint, and prints what comes out. Whatever
# the answer does wrong, an exception included, is told and not thrown: a class of thirty must not end in tracebacks.
#
# A check should draw *random* inputs (a formula learnt by heart for one example then fails), compare with the library
# or let the gradient checker judge, and give hints from coarse to fine: form, shape, the one mistake most students
# make, the rest.
#
# Here is a complete exercise: the backward of $y = x^2$.


# %%
class Squared:
    """x -> x^2 with somebody's answer for a backward."""

    def __init__(self, answer):
        self.answer = answer

    def forward(self, p, x):
        return x**2, x

    def backward(self, x, dy):
        return self.answer(x, dy), {}


@exercise("10.example", "dx of y = x^2")
def squared(answer):
    rng = np.random.default_rng(10)
    x = rng.standard_normal((3, 2))
    if np.shape(answer(x, x)) != x.shape:
        return "dx must have the shape of x."
    wrong = [c for c in check(Squared(answer), {}, (x,), rng) if not c.ok]
    return f"The checker says: {wrong[0].hint}." if wrong else None


grade("10.example", lambda x, dy: 2 * x * dy)
grade("10.example", lambda x, dy: 2 * x)
grade("10.example", lambda x, dy: x * dy)
grade("10.example", lambda x, dy: (x * dy).sum())
grade("10.example", None)
assert verdict("10.example", lambda x, dy: 2 * x * dy)[0]
assert not verdict("10.example", lambda x, dy: 2 * x)[0]

# %% [markdown]
# Who grades the grader? A check that accepts everything would pass any test with right answers. So every exercise comes
# with a right answer *and* typical wrong ones, and tests demand that each wrong one is refused with a hint
# ([test_exercises.py](../tests/teaching/test_exercises.py)). To add yours:
#
# 1. the check, with `@exercise("N.k", "task")`, in `croco_np/teaching/exercises/lessonNN.py`;
# 2. its solution (answer, derivation, two more hints, a sentence worth having) in
#    `croco_np/teaching/solutions/lessonNN.py`, and three wrong answers in `tests/teaching/answers/lessonNN.py`;
# 3. `python -m pytest tests/teaching`: right passes, wrong is refused, open is no mistake;
# 4. a stub and `grade("N.k", ...)` in the notebook.
#
# The best wrong answers are those that you collect in class.
#
# ## In class
#
# [For teachers](reference/teachers.md) says the minutes of reading of each lesson; exercises come on top. For a shorter
# course: 1, 3, 4, 5 and the seven passes above. For a seminar in reading papers: 8, then a system a student from
# `croco_np/models`, with the five questions.
#
# Three pieces of advice. Let them *predict* before each planted bug, in writing; a wrong prediction is worth more than
# a right run. Never show a formula without numbers under it. And when somebody's gradient is wrong, do not look for the
# mistake yourself: ask what the checker says, and which leaves are *right*.
#
# ### At length: what students get wrong
#
# | lesson | what students get wrong |
# |---|---|
# | 1, a layer | take shapes for proof: with a square $W$, `dy @ W` fits as well as `dy @ W.T` |
# | 2, look-ups | `table[rows] += dx`; think that the last duplicate "wins on average" |
# | 3, gates | check with ones, and a backward that forgets its upstream passes; softmax over the wrong axis |
# | 4, CovLoss | count pairs once in the value, twice in the gradient; fear the means, which need no term |
# | 5, the model | let one of two roads overwrite the other, where they must be added |
# | 6, real clicks | believe a pooled AUC; compare runs that differ in more than they think |
# | 7, collapse | read a diversity without its chance level |
# | 8, baselines | put the stop where the gate is closed, too; check at starting weights |
# | 9, speed | make a hundredth of the step twice as fast; trust a single timing |
# | 10, this one | run before they read |
#
# ## Further reading
#
# * Griewank and Walther, *Evaluating Derivatives: Principles and Techniques of Algorithmic Differentiation*, 2nd
#   edition, SIAM 2008: the adjoint law and all that follows
# * Squire and Trapp, *Using Complex Variables to Estimate Derivatives of Real Functions*, SIAM Review 1998
# * Baydin, Pearlmutter, Radul, Siskind, *Automatic Differentiation in Machine Learning: a Survey*, JMLR 2018
# * [check.py](../croco_np/gradcheck/check.py), [hint.py](../croco_np/gradcheck/hint.py),
#   [grading.py](../croco_np/teaching/grading.py); many more broken layers in
#   [test_planted_bugs.py](../tests/gradcheck/test_planted_bugs.py)
#
# This was the last one. Back to the first: [Differentiate one layer](01_differentiate_one_layer.ipynb)
