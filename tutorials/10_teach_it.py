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
# change sides: see how the exercises of these tutorials are graded and how the grader itself is tested, add an exercise
# of your own, and read what students get wrong.
#
# **What you will learn.** To read a checker's report backwards, from the leaf and the hint to the line; to write an
# exercise that tells a wrong answer *why*; to plan an afternoon with this material.
#
# **What you need.** Tutorials 1 to 3 for the seven broken passes; for teaching, all of them.
#
# **Equations:** none of the paper's; the law that all checks stand on, $\langle dy, J v\rangle = \langle J^T dy,
# v\rangle$

# %%
import inspect
import textwrap

import matplotlib.pyplot as plt
import numpy as np

from croco_np.gradcheck import check
from croco_np.kernels.mix import softmax
from croco_np.teaching import catches, exercise, grade, show
from croco_np.teaching.grading import verdict
from croco_np.teaching.source import Source

np.set_printoptions(precision=4, suppress=True)
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#999999"

# %% [markdown]
# ## One picture for the board
#
# A layer takes $x$ to $y$. A small push $v$ of $x$ arrives as $J v$, where $J$ is the matrix of derivatives of $y$ with
# respect to $x$. Backward takes a gradient $dy$ the other way, to $dx = J^T dy$. Neither needs $J$ itself. And whoever
# is asked, the change of the objective is the same number:
#
# $$\langle dy,\; J v \rangle \;=\; \langle J^T dy,\; v \rangle$$
#
# The left side is measured on the forward pass; the right side is what the backward pass claims. That is the whole
# checker.

# %%
figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
ax.axis("off")
ax.set_xlim(0, 10)
ax.set_ylim(0, 6)


def place(at, text, colour):
    box = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": colour, "linewidth": 2}
    ax.text(*at, text, fontsize=13, ha="center", va="center", bbox=box)


def road(start, stop, text, colour, above):
    arrow = {"arrowstyle": "-|>", "color": colour, "lw": 2.5, "mutation_scale": 20}
    ax.annotate("", stop, start, arrowprops=arrow)
    ax.text(5, start[1] + above, text, fontsize=11, ha="center", va="center", color=colour)


place((1.6, 4.8), "push  $v$", BLUE)
place((8.4, 4.8), "push  $Jv$", BLUE)
place((1.6, 2.2), "gradient  $J^T dy$", ORANGE)
place((8.4, 2.2), "gradient  $dy$", ORANGE)
road((2.9, 4.8), (7.1, 4.8), "forward, measured", BLUE, 0.4)
road((6.7, 2.2), (3.5, 2.2), "backward, claimed", ORANGE, 0.4)
for x, text in ((1.6, r"$\langle J^T dy,\, v\rangle$"), (8.4, r"$\langle dy,\, Jv\rangle$")):
    ax.plot([x, x], [2.9, 4.1], color=GREY, lw=2, ls=":")
    ax.text(x, 0.8, text, fontsize=14, ha="center", va="center")
ax.text(5, 0.8, "one and the same number", fontsize=11, ha="center", va="center")
ax.text(1.6, 5.7, "space of $x$", fontsize=11, ha="center", color="black")
ax.text(8.4, 5.7, "space of $y$", fontsize=11, ha="center", color="black")
plt.show()

# %% [markdown]
# *The picture: on the left the space of x, on the right that of y. A blue arrow goes from push v to push Jv, forward,
# measured; an orange one from gradient dy back to gradient J-transposed dy, backward, claimed. Below, the product of
# the two on the left equals the product of the two on the right.*
#
# ## Seven broken backward passes
#
# Each layer below is right in its forward and wrong in one line of its backward. The listing numbers the lines of
# `backward`. The rules for a class:
#
# 1. *Read first.* Two minutes, pen on paper, no running. Write down a line and a reason.
# 2. *Then look at the report* under it: which leaves are wrong, which are right, what does the hint say? A right leaf
#    is evidence as good as a wrong one: all lines that only lead to right leaves are innocent.
# 3. *Answer* with the number of the line where a name first holds what it should not. (Further down, a repair may be
#    possible, too.)


# %%
def numbered(method):
    """The lines of a method with their numbers."""
    lines = textwrap.dedent(inspect.getsource(method)).rstrip().splitlines()
    return Source("\n".join(f"{number}  {line}" for number, line in enumerate(lines, 1)))


rng = np.random.default_rng(0)
x, x2 = rng.standard_normal((6, 4)), rng.standard_normal((6, 4))
W = {"W": rng.standard_normal((4, 4)), "b": rng.standard_normal(4)}

# %% [markdown]
# **10.1, one factor for all.** $y = a\, x$ with a single number $a$, kept as an array of shape (1,).

# %% tags=["planted-bug"]


class Scale:
    def forward(self, p, x):
        return p["a"] * x, (p, x)

    def backward(self, c, dy):
        p, x = c
        dx = p["a"] * dy
        da = (dy * x).sum(axis=0)
        return dx, {"a": da}


catches(Scale(), {"a": np.array([2.0])}, (x,), leaves={"a"})
numbered(Scale.backward)

# %% [markdown]
# The kindest of all mistakes: a wrong shape, which is found without any derivative.

# %%
line = ...
grade("10.1", line)

# %% [markdown]
# **10.2, a sigmoid.** $y = \sigma(u)$, $u = xW + b$, and $\sigma' = \sigma (1 - \sigma)$.

# %% tags=["planted-bug"]


class Sigmoid:
    def forward(self, p, x):
        u = x @ p["W"] + p["b"]
        y = (1 + np.tanh(u / 2)) / 2
        return y, (p, x, u, y)

    def backward(self, c, dy):
        p, x, u, y = c
        du = dy * y * (1 - u)
        dW = x.T @ du
        db = du.sum(axis=0)
        return du @ p["W"].T, {"W": dW, "b": db}


catches(Sigmoid(), W, (x,), leaves={"W", "b", "input 0"})
numbered(Sigmoid.backward)

# %% [markdown]
# *All* leaves are wrong. Then either every line is wrong, or one that all roads pass.

# %%
line = ...
grade("10.2", line)

# %% [markdown]
# **10.3, a residual block.** $y = x + \tanh(xW + b)$, with $\tanh' = 1 - \tanh^2$.

# %% tags=["planted-bug"]


class Residual:
    def forward(self, p, x):
        t = np.tanh(x @ p["W"] + p["b"])
        return x + t, (p, x, t)

    def backward(self, c, dy):
        p, x, t = c
        du = dy * (1 - t**2)
        grads = {"W": x.T @ du, "b": du.sum(axis=0)}
        dx = du @ p["W"].T
        return dx, grads


catches(Residual(), W, (x,), leaves={"input 0"})
numbered(Residual.backward)

# %% [markdown]
# Weights and bias are right, so $du$ is right, whatever it looks like. How often is $x$ read in the forward?

# %%
line = ...
grade("10.3", line)

# %% [markdown]
# **10.4, a factorisation machine.** Of the $F$ embeddings $x_f$ of a row, take all products of pairs, by a famous short
# cut: $y = \sum_{f < g} x_f * x_g = \tfrac12 \bigl( (\sum_f x_f)^2 - \sum_f x_f^2 \bigr)$.

# %% tags=["planted-bug"]


class Pairs:
    def forward(self, p, x):
        total = x.sum(axis=1)
        twice = total**2 - (x**2).sum(axis=1)  # each pair, there and back
        return twice / 2, (x, total)

    def backward(self, c, dy):
        x, total = c
        dtwice = dy
        dtotal = 2 * total * dtwice
        dx = dtotal[:, None] - 2 * x * dtwice[:, None]
        return dx, {}


catches(Pairs(), {}, (rng.standard_normal((6, 3, 4)),), leaves={"input 0"})
numbered(Pairs.backward)

# %% [markdown]
# The hint gives a number: all of the gradient is too large by it. In which step of the forward does it occur?

# %%
line = ...
grade("10.4", line)

# %% [markdown]
# **10.5, layer normalisation.** For each row, $\hat x = (x - \mu) / s$ with the row's mean $\mu$ and standard deviation
# $s$; then $y = \gamma * \hat x$. Derived in `croco_np/layers/norm.py` for columns in the place of rows:
# $dx = (d\hat x - \text{mean}(d\hat x) - \hat x\, \text{mean}(d\hat x * \hat x)) / s$.

# %% tags=["planted-bug"]


class LayerNorm:
    def forward(self, p, x):
        centred = x - x.mean(axis=1, keepdims=True)
        s = np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
        return p["gamma"] * centred / s, (p, centred / s, s)

    def backward(self, c, dy):
        p, xhat, s = c
        dgamma = (dy * xhat).sum(axis=0)
        dxhat = p["gamma"] * dy
        shift = dxhat.mean(axis=1, keepdims=True)
        stretch = (dxhat * xhat).mean(axis=1, keepdims=True)
        dx = (dxhat - shift - stretch) / s
        return dx, {"gamma": dgamma}


catches(LayerNorm(), {"gamma": rng.standard_normal(4)}, (x,), leaves={"input 0"})
numbered(LayerNorm.backward)

# %% [markdown]
# "No common factor": a term is missing or incomplete. Compare with the formula symbol by symbol.

# %%
line = ...
grade("10.5", line)

# %% [markdown]
# **10.6, side by side.** Two inputs of width 4 are put next to each other and multiplied: $y = [x, x'] W$.

# %% tags=["planted-bug"]


class SideBySide:
    def forward(self, p, x, x2):
        both = np.concatenate([x, x2], axis=1)
        return both @ p["W"], (p, both, x.shape[1])

    def backward(self, c, dy):
        p, both, width = c
        dboth = dy @ p["W"].T
        dW = both.T @ dy
        dx2, dx = np.split(dboth, [width], axis=1)
        return (dx, dx2), {"W": dW}


catches(SideBySide(), {"W": rng.standard_normal((8, 3))}, (x, x2), leaves={"input 0", "input 1"})
numbered(SideBySide.backward)

# %% [markdown]
# Shapes are right, since both inputs have the same width. Give them different widths and this bug names itself: *choose
# sizes that differ, in tests and on the board.*

# %%
line = ...
grade("10.6", line)

# %% [markdown]
# **10.7, a temperature.** $g = \text{softmax}(a / \tau)$ with $\tau = 2$. With $z = a / \tau$:
# $dz_m = g_m (dg_m - \sum_n g_n\, dg_n)$.

# %% tags=["planted-bug"]


class Tempered:
    tau = 2.0

    def forward(self, p, a):
        g = softmax(a / self.tau)
        return g, g

    def backward(self, g, dg):
        mean = (g * dg).sum(axis=1, keepdims=True)
        dz = g * (dg - mean)
        da = dz
        return da, {}


catches(Tempered(), {}, (x,), leaves={"input 0"})
numbered(Tempered.backward)

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
# ## How the grader works
#
# `grade` looks up a check, a function of the answer that returns `None` or a hint, and prints what comes out. Whatever
# the answer does wrong, an exception included, is told and not thrown: a class of thirty must not end in tracebacks.

# %%
show(verdict, catches)

# %% [markdown]
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
# with a right answer *and* at least two typical wrong ones, and tests demand that each wrong one is refused with a
# hint ([test_exercises.py](../tests/teaching/test_exercises.py)).
# To add yours:
#
# 1. the check, with `@exercise("N.k", "task")`, in `croco_np/teaching/exercises/lessonNN.py`;
# 2. `Answer(right, {"what is wrong with it": answer, ...})` in `tests/teaching/answers/lessonNN.py`;
# 3. `python -m pytest tests/teaching`: right passes, wrong is refused, open is no mistake;
# 4. a stub and `grade("N.k", ...)` in the notebook.
#
# The best wrong answers are those that you collect in class.
#
# ## An afternoon
#
# Twenty to thirty minutes each in class, without the exercises; about an hour alone with them. With breaks, ten lessons
# are a long afternoon; seven are a comfortable one.
#
# | minutes | lesson | what students get wrong |
# |---|---|---|
# | 30 | 1, a layer | take shapes for proof: with a square $W$, `dy @ W` fits as well as `dy @ W.T` |
# | 25 | 2, look-ups | `table[rows] += dx`; think that the last duplicate "wins on average" |
# | 30 | 3, gates | check with ones, and a backward that forgets its upstream passes; softmax over the wrong axis |
# | | *break* | |
# | 30 | 4, CovLoss | count pairs once in the value, twice in the gradient; fear the means, which need no term |
# | 25 | 5, the model | let one of two roads overwrite the other, where they must be added |
# | 25 | 6, real clicks | believe a pooled AUC; compare runs that differ in more than they think |
# | 20 | 7, collapse | read a diversity without its chance level |
# | | *break* | |
# | 30 | 8, baselines | put the stop where the gate is closed, too; check at starting weights |
# | 25 | 9, speed | make a hundredth of the step twice as fast; trust a single timing |
# | 30 | 10, this one | run before they read |
#
# For a shorter course: 1, 3, 4, 5 and the seven passes above make two and a half hours. For a seminar in reading
# papers: 8, then a system a student from `croco_np/models`, with the five questions.
#
# Three pieces of advice. Let them *predict* before each planted bug, in writing; a wrong prediction is worth more than
# a right run. Never show a formula without numbers under it. And when somebody's gradient is wrong, do not look for the
# mistake yourself: ask what the checker says, and which leaves are *right*.
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
