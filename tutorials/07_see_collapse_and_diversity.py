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
# # 7. See collapse and diversity
#
# **What you will do.** Measure how many directions an embedding table uses, make one collapse by feeding it too little,
# and compare tables, experts and gates of three trained models.
#
# **What you will learn.** Singular spectra and *information abundance*; why little data leaves few directions; what the
# *diversity index* counts, and what it is for experts that know nothing.
#
# **What you need.** Tutorials 4 (CovLoss) and 6 (training). Singular values: any matrix is $X =
# U\,\mathrm{diag}(\sigma)\, V^T$ with orthonormal columns in $U$ and $V$, and $\sigma_1 \ge \sigma_2 \ge \dots \ge 0$.
#
# **Equations:** Eq. (1), Eq. (2): the diversity index; the paper's measures of collapse
#
# <!-- links: written by python -m tutorials.publish.equations -->
# - [Eq. (1)](reference/equations.md#eq-1):
#   [`diversity_index`](../croco_np/diagnostics/diversity.py#L113), [test by hand](../tests/test_diagnostics.py#L320),
#   [in this lesson](#The-diversity-index)
# - [Eq. (2)](reference/equations.md#eq-2):
#   [`diversity_index`](../croco_np/diagnostics/diversity.py#L113), [test by hand](../tests/test_diagnostics.py#L341),
#   [in this lesson](#The-diversity-index)
# <!-- end of links -->
#
# All clicks in this notebook are **SIMULATED**.

# %% tags=["hide-input"]
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

import croco_np
from croco_np.config import RECIPES, Config
from croco_np.datasets.load import load
from croco_np.datasets.simulate import simulate
from croco_np.diagnostics import (
    abundance_by_domain,
    abundance_by_exposure,
    between_experts,
    chance_level,
    covariance_map,
    diversity_index,
    expert_abundance,
    exposures,
    field_tables,
    gate_use,
    information_abundance,
    singular_spectrum,
    trained_rows,
)
from croco_np.diagnostics.diversity import LEVELS, Conflicts
from croco_np.diagnostics.report import diagnose, text
from croco_np.losses import cosine, covariance
from croco_np.metrics import auc
from croco_np.teaching import catches, grade, show
from croco_np.teaching.pictures import chart
from croco_np.teaching.pictures.lesson07 import ellipse, growing_spectrum, hits, maps_of_covariance
from croco_np.train.trainer import Trainer

croco_np.tune()  # training is faster: idle threads sleep, freed memory is used again (tutorial 9)
np.set_printoptions(precision=4, suppress=True)
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#999999"

# %% [markdown]
# ## How many directions does a table use?
#
# An embedding table has a row for each value of a field and a column for each of its E dimensions. Here are eight rows
# of width 2, as points. The singular values are the strengths of two directions. Squeeze the second one:

# %% tags=["hide-input"]
ellipse()

# %% [markdown]
# **Information abundance** (Guo and others, 2024) turns the spectrum into one number:
#
# $$\mathrm{IA}(X) = \frac{\sum_i \sigma_i}{\sigma_1}$$
#
# In general $1 \le \mathrm{IA} \le E$: 1 if all rows lie on a line through 0, E if all directions are equally strong.
# It does not change if the table is turned or multiplied by a number. On the blackboard:
#
# $$X_1 = \begin{pmatrix} 3 & 0 \\ 0 & 3 \end{pmatrix}, \qquad
# X_2 = \begin{pmatrix} 3 & 0 \\ 0 & 1 \end{pmatrix}, \qquad
# X_3 = \begin{pmatrix} 1 & 2 \\ 2 & 4 \end{pmatrix}$$
#
# Their singular values are $(3, 3)$, $(3, 1)$ and $(5, 0)$, so IA is 2, $4/3$ and 1: the rows of $X_3$ are multiples of
# one.

# %%
tables = [np.array(x, float) for x in ([[3, 0], [0, 3]], [[3, 0], [0, 1]], [[1, 2], [2, 4]])]
assert np.allclose([information_abundance(x).value for x in tables], [2, 4 / 3, 1])
show(singular_spectrum, information_abundance)

# %% [markdown]
# Two warnings. The columns are *not centred*: add a number to all rows (in the picture, too) and one direction becomes
# dominant, although the rows differ as much as before. And *noise is abundant*: a table of random numbers has nearly
# the greatest IA there is.

# %%
rng = np.random.default_rng(0)
noise = rng.standard_normal((500, 8))
print(f"noise {information_abundance(noise).value:.2f},  noise + 3 {information_abundance(noise + 3).value:.2f}")
assert information_abundance(noise).value > 7
assert information_abundance(noise + 3).value < 2.5

# %% [markdown]
# So a high IA is no proof of quality, and the library measures tables only on the rows that training has moved
# (`trained_rows`).
#
# ## Make a table collapse
#
# Why should little data mean few directions? A model small enough for paper: the click score of item $i$ for a user
# with features $x$ is $x \cdot v_i$, the truth is $x \cdot v_i^\ast$, and the loss of a row is half the squared
# difference. Gradient descent with step size $\eta$ does
#
# $$v_i \leftarrow v_i - \eta\, x\, (x \cdot (v_i - v_i^\ast))$$
#
# **One row moves $v_i$ along its own $x$ and in no other direction.** If feature $k$ of the users has variance $s_k^2$
# and the features are uncorrelated, the mean of $x x^T$ is $\mathrm{diag}(s^2)$. So on average the error in direction
# $k$ shrinks by the factor $1 - \eta s_k^2$ for each exposure, and after $n$ of them, from a start at 0,
#
# $$v_{ik} \approx \left(1 - (1 - \eta s_k^2)^n\right) v_{ik}^\ast$$
#
# Strong directions are learnt first. With $s_k^2 = 1, \frac12, \frac14, \dots$ and $\eta = 0.1$ the singular values
# stand in the proportions $1 : \frac12 : \frac14 \dots$ after one exposure, an IA of 2, and after very many in
# $1 : 1 : 1 \dots$, an IA of 8.
#
# Now do it: 5 groups of 2000 items, with 8 to 5000 exposures each, in one table. (To keep the picture calm an exposure
# is the mean over 64 users.)

# %%
width, per_group, seen, eta = 8, 2000, np.array([8, 40, 200, 1000, 5000]), 0.1
s = np.sqrt(0.5 ** np.arange(width))
exposure = np.repeat(seen, per_group)
marks = np.unique(np.geomspace(1, seen.max(), 28).astype(int)).tolist()  # when to look at the last group

rng = np.random.default_rng(1)
true = rng.standard_normal((len(exposure), width))
learnt, spectra = 1e-6 * rng.standard_normal((len(exposure), width)), []
for n in range(seen.max()):
    active = slice(np.searchsorted(exposure, n, "right"), None)  # groups are sorted by exposure
    v, target = learnt[active], true[active]
    x = s * rng.standard_normal((64, width))  # 64 users look at all active items
    v -= eta * ((v - target) @ x.T) @ x / len(x)
    if n + 1 in marks:
        spectra.append(singular_spectrum(learnt[-per_group:]).value)

# %% tags=["hide-input"]
share_learnt = 1 - (1 - eta * s**2) ** np.array(marks)[:, None]  # (marks, width), the formula
growing_spectrum(marks, np.array(spectra), share_learnt / share_learnt[:, :1])

# %% [markdown]
# Play it. The formula ends at 8 and the table does not: the true vectors are random, and 2000 random rows of width 8 do
# not use all directions quite alike.
#
# This is *dimensional collapse* in its simplest form: nothing is broken, the table has just not been taught its weak
# directions. A domain with few rows, with a table of its own, is the left end of the slider. A table that all domains
# share is further right. That is the paper's case for sharing tables.
#
# The library's version of the experiment takes any table and the counts of its rows. It sorts rows by exposure and cuts
# them in five groups of equally many:

# %%
counts = exposure[None].copy()  # (domains, rows): one domain
counts[0, 0] = 1  # row 0 stands for rare values and is left out
fifths = [m.value for m in abundance_by_exposure([learnt], counts)]
share_learnt = 1 - (1 - eta * s**2) ** seen[:, None]
said = (share_learnt / share_learnt[:, :1]).sum(axis=1)
print("exposures ", *(f"{n:>6}" for n in seen))
print("IA formula", *(f"{v:6.2f}" for v in said))
print("IA found  ", *(f"{v:6.2f}" for v in fifths))
assert np.allclose(fifths, said, rtol=0.06)
assert np.all(np.diff(fifths) > 0)
assert np.isclose(fifths[-1], information_abundance(true[exposure == 5000]).value, rtol=0.01)

# %% [markdown]
# ### Exercise 7.1
#
# Can IA be trained? Then it needs a backward pass. Known: if the singular values are distinct, $d\sigma_i = u_i^T\,
# dX\, v_i$, where $u_i$ and $v_i$ are the columns of $U$ and $V$. Write $\partial\,\mathrm{IA} / \partial X$, from `U,
# sigma, Vt = np.linalg.svd(X, full_matrices=False)`. A hint to check yourself: IA does not change if $X$ is stretched,
# so the gradient has no part along $X$.


# %%
def my_abundance_backward(X):
    ...
    raise NotImplementedError


grade("7.1", my_abundance_backward)

# %% [markdown]
# ## Three models
#
# Now trained models, on the simulated clicks of tutorial 6: Crocodile without and with CovLoss, and `single_domain`,
# which gives each domain a model and tables of its own. The simulator's preferences have **two** factors (gender and
# age of the user meet kinds of items), and some main effects: the truth here does not need eight directions.

# %% tags=["hide-input"]
work = tempfile.TemporaryDirectory()
simulate(Path(work.name) / "clicks", rows=120_000, seed=0)
common = RECIPES["aliccp"] | {
    "dataset": "aliccp",
    "data_dir": str(Path(work.name) / "clicks"),
    "expert_sizes": (16,),
    "tower_sizes": (16,),
    "batch_size": 512,
    "lr": 5e-3,
    "dtype": "float64",
}


def train(epochs=4, **changes):
    """A small model, trained for a few epochs -> its `Predictor`, the data, and its config."""
    config = Config(**common | changes)
    trainer = Trainer.from_config(config, splits)
    state = trainer.start()
    for epoch in range(1, epochs + 1):
        for batch in trainer.batches(epoch):
            trainer.step(state, batch, defer=True)
    trainer.settle(state)
    return trainer.predictor(state.params), splits, config


splits = load(Config(**common))
schema, test = splits.schema, splits.test

# %%
models = {
    "without CovLoss": train(alpha=0.0),
    "with CovLoss": train(alpha=3e-4),
    "single_domain": train(model="single_domain"),
}
for name, (predictor, _, _) in models.items():
    print(f"{name:<16} test AUC {auc(predictor.logits(test), np.asarray(test.labels)).value:.2f}")
print("SIMULATED DATA")
assert splits.simulated

# %% [markdown]
# ## Spectra by domain
#
# `exposures` counts how often each item occurs in each domain of the training rows. Domain 2 (a name; its index is 1,
# while experts are counted from 0) has 0.75 % of the rows, so its own table meets few items, each a few times.

# %% tags=["hide-input"]
seen = exposures(splits.train, schema, schema.item)  # (domains, items)
for d, name in enumerate(schema.domains):
    met = trained_rows(seen, d)
    print(f"{name}: {met.sum()} of {met.size} items occur, each {seen[d, met].mean():.0f} times on average")

own = field_tables(models["single_domain"][0].params, schema, schema.item)  # one table a domain
shared = field_tables(models["without CovLoss"][0].params, schema, schema.item)  # three tables, for all domains
print("\nIA of 8    own table    the same with untrained rows")
for d, name in enumerate(schema.domains):
    trained = information_abundance(own[d][trained_rows(seen, d)]).value
    print(f"{name:<10} {trained:8.2f}     {information_abundance(own[d]).value:.2f}")
print("shared tables, by domain:", np.array([m.value for m in abundance_by_domain(shared, seen)]))

with chart(
    "singular values in two panels. Above, a curve for each domain's own table: those of domains 1 and 3 fall all the"
    " way, that of domain 2 drops at once to a fifth and stays level near a tenth. Below, the shared tables on the"
    " items of each domain: three curves that lie on each other",
    5,
) as c:
    upper, lower = c.axes(2, 1, sharex=True)
    for d, (name, colour, mark) in enumerate(zip(schema.domains, (BLUE, ORANGE, GREEN), "osv", strict=True)):
        rows = trained_rows(seen, d)
        upper.semilogy(range(1, 9), singular_spectrum(own[d][rows]).value, mark + "-", color=colour, label=name)
        of_shared = np.mean([singular_spectrum(t[rows]).value for t in shared], axis=0)
        lower.semilogy(range(1, 9), of_shared, mark + "-", color=colour, ms=9 - 3 * d, label=name)
    upper.set(title="a table for each domain", ylabel="divided by the largest")
    lower.set(title="shared tables (mean of three)", xlabel="number of the singular value")
    upper.legend()
    c.figure.suptitle("SIMULATED DATA", color=ORANGE, fontsize=10)
assert information_abundance(own[1][trained_rows(seen, 1)]).value == min(
    information_abundance(own[d][trained_rows(seen, d)]).value for d in range(3)
)
c

# %% [markdown]
# The table of domain 2 has learnt **one** direction. Its level tail has no structure: about a sixth of the random start
# is still in it, the rest is what two exposures an item happened to write there. What sharing buys is that domain 2
# reads rows that others have trained; whether it *helps* is for its AUC to say.
#
# How to read such numbers without fooling yourself:
#
# - *Is low IA bad?* The best of our models has an IA between 2 and 3 of 8, about what this truth **needs**. Collapse
#   means fewer directions than the truth has, and on real data nobody knows how many that is. Compare tables, do not
#   grade one.
# - *Which rows?* Counting rows that training never moved changes the number: see the right column.
# - *Same width?* IA is at most the width.
#
# ### At length: what is left of the start, and abundance by exposure

# %%
predictor, _, config = models["single_domain"]
small = trained_rows(seen, 1)  # the items of domain 2, before and after training, without the strongest direction after
U, sigma, Vt = np.linalg.svd(own[1][small], full_matrices=False)
tail = own[1][small] - sigma[0] * np.outer(U[:, 0], Vt[0])
start = field_tables(Trainer.from_config(config, splits).start().params, schema, schema.item)[1][small]
start = start - np.outer(start @ Vt[0], Vt[0])
left = (start * tail).sum() / (start * start).sum()
print(f"domain 2, all directions but the first: {left:.2f} of the random start is left")
assert 0.15 < left < 0.19

for name in ("without CovLoss", "with CovLoss"):
    tables = field_tables(models[name][0].params, schema, schema.item)
    groups = np.array([m.value for m in abundance_by_exposure(tables, seen)])
    print(f"{name:<16} least exposed", groups, "most exposed")

# %% [markdown]
# By exposure there is hardly a trend, unlike in the planted experiment: ten exposures are the least an item can have
# here, items share categories and shops through other fields, and the truth has few directions to forget. A measure
# that finds nothing is a finding as well.
#
# ## Between the experts
#
# Tutorial 4 built CovLoss from the covariance of all expert outputs with each other. Here it is for both models, on the
# same test rows: the stronger a square stands out, the larger it is, in one scale.

# %% tags=["hide-input"]
outputs = {}
for name in ("without CovLoss", "with CovLoss"):
    whole = replace(models[name][0], block=test.n)  # all test rows at once
    outputs[name], _, at, _ = next(whole.outputs(test))
maps = {name: covariance_map(out.experts) for name, out in outputs.items()}
strength = {name: between_experts(cov, 3) for name, cov in maps.items()}
told = {
    name: f"between experts, mean |cov| {cov:.5f} and |corr| {corr:.3f}; {dead} of {units} units are dead. Simulated."
    for name, (cov, corr, dead, units) in strength.items()
}
assert strength["with CovLoss"].correlation < strength["without CovLoss"].correlation
maps_of_covariance(maps, told, n_experts=3)

# %% [markdown]
# Each map is a 3 × 3 chessboard of blocks, one for each pair of experts. With the loss the blocks between experts are
# nearly empty; but expert 2's own block has faded, too: it hardly varies any more. To shrink is a cheap way not to
# covary, which is why the *correlation* is given as well: it does not change when a unit shrinks.
#
# To die is cheaper still. A unit that is off for all rows is **dead**: an empty stripe. It has no correlation, and
# counted as uncorrelated it would pass for one that differs. `between_experts` leaves dead units out and counts them:
# read every figure of this kind with that count beside it. And look at the test AUC printed above: less covariance is
# what the loss was asked for, and it is not the same as a better model.

# %% [markdown]
# ### At length: dead units counted by hand

# %%
expert = np.repeat(range(3), 16)  # whose each unit is
for name, (_, corr, dead, units) in strength.items():
    alone, together = expert_abundance(outputs[name].experts)
    each = " ".join(f"{m.value:.2f}" for m in alone)
    print(f"{name:<16} IA of the outputs {each}, together {together.value:.2f}")
    live = np.diag(maps[name]) > 0
    among = np.abs(np.corrcoef(outputs[name].experts.reshape(len(at), -1)[:, live].T))
    apart = expert[live, None] != expert[live]
    assert np.isclose(among[apart].mean(), corr)
    counted_as_0 = among[apart].sum() / (expert[:, None] != expert).sum()
    print(f"{'':<16} dead: {dead} of {units} units; counted as uncorrelated, they would make it {counted_as_0:.3f}")

# %% [markdown]
# ## Who uses which expert?
#
# A gate gives each expert a share, and the shares of a row add up to 1. Averaged over the rows of a domain:

# %% tags=["hide-input"]
domains = np.asarray(test.domains)
ends = np.cumsum(np.bincount(domains, minlength=3))  # the outputs are sorted by domain
rows = tuple(slice(int(a), int(b)) for a, b in zip([0, *ends[:-1]], ends, strict=True))
use = np.array(gate_use(outputs["with CovLoss"].gates, rows))
assert np.allclose(use.sum(axis=1), 1)

with chart("a bar for each domain, cut into the mean shares of three experts: all domains use all three", 3.2) as c:
    ax, done = c.axes(), np.zeros(3)
    for m, (colour, hatch) in enumerate(zip((BLUE, ORANGE, GREEN), ("", "//", ".."), strict=True)):
        ax.barh(schema.domains, use[:, m], 0.5, done, color=colour, hatch=hatch, edgecolor="white", label=f"expert {m}")
        for d in range(3):
            ax.text(done[d] + use[d, m] / 2, d + 0.28, f"{use[d, m]:.2f}", ha="center", va="top")
        done += use[:, m]
    ax.set(xlabel="mean share of each expert", xlim=(0, 1), ylim=(2.7, -0.5))
    c.figure.legend(loc="outside lower center", ncols=3)
    c.figure.suptitle("SIMULATED DATA", color=ORANGE, fontsize=10)
c

# %% [markdown]
# If all bars looked alike the domains would use the experts alike; if a bar were all of one colour, its domain would
# have an expert to itself. A mean hides much: two halves of a domain's rows that choose opposite experts average to
# "all alike".
#
# ## The diversity index
#
# The paper asks a sharper question: *do the experts disagree where users do?* Take test rows of a user and an item
# whose preferences conflict between two domains (mostly clicked in one, mostly not in the other). Such a row is a
# **hit** if one expert's output is large and another's small, in length $\lVert o_m \rVert$. The diversity index is the
# share of hits:
#
# $$\mathrm{DI} = \frac{\text{rows in conflict with a large and a small output}}{\text{rows in conflict}}$$
#
# This is Eq. (1), for *all-forward* models, whose experts every row runs through. Eq. (2) is for *specific-forward*
# ones, with experts of each domain: there the large output is one of the first domain's experts, the small one of the
# second's, or the other way round. The paper says neither which rows conflict nor what is large. The library's choice:
# *large* is above the upper quartile of an expert's own lengths, *small* below its lower one.

# %% tags=["hide-input"]
up = np.arange(1.0, 9)
cases = {
    "two, opposite": np.stack([up, up[::-1]], axis=1),
    "two, alike": np.stack([up, up], axis=1),
    "four, alike but in size": np.outer(1 + up / 10, [1, 2, 2, 4]),
}
everything = Conflicts(LEVELS[0], {(0, 1): np.arange(8)}, {(0, 1): 8})
for name, expected in zip(cases, ([0.5, 0.5], [0.0, 0.0], [0.0, 1.0]), strict=True):
    found = [diversity_index(cases[name], everything, pooled)["overall"]["value"] for pooled in (False, True)]
    assert found == expected
hits(cases)

# %% [markdown]
# The third case is the trap. Four experts rise and fall together, one short and one long in all rows. With quartiles
# over all experts *pooled* the long one is always large, the short one always small, and every row is a hit: their
# outputs agree in everything but size, and the index says 1. Hence each expert's own quartiles.
#
# ### What would chance do?
#
# M experts with independent lengths. A row has no large output with probability $(3/4)^M$, no small one with the same,
# and neither with $(1/2)^M$. By inclusion and exclusion
#
# $$\mathrm{DI}_{\text{chance}} = 1 - 2 \left(\tfrac34\right)^M + \left(\tfrac12\right)^M$$
#
# **It grows with M by itself**: a model of eight experts looks more diverse than one of three although both know
# nothing.

# %% tags=["hide-input"]
rng = np.random.default_rng(2)
sizes, n, drawn = range(1, 11), 20_000, []
for m in sizes:
    rows_of_noise = Conflicts(LEVELS[0], {(0, 1): np.arange(n)}, {(0, 1): n})
    drawn.append(diversity_index(rng.random((n, m)), rows_of_noise)["overall"]["value"])
assert np.allclose(drawn, [chance_level(m) for m in sizes], atol=0.02)
assert [round(chance_level(m), 3) for m in (2, 3, 5, 8)] == [0.125, 0.281, 0.557, 0.804]

with chart(
    "the diversity index of experts that know nothing, by their number: 0.28 for three, 0.80 for eight", 2.6
) as c:
    ax = c.axes()
    ax.plot(sizes, [chance_level(m) for m in sizes], color=GREY, label="formula")
    ax.plot(sizes, drawn, "o", color=ORANGE, label="random lengths")
    for m in (3, 8):
        ax.annotate(f"{chance_level(m):.2f}", (m, chance_level(m)), (5, -14), textcoords="offset points")
    ax.set(xlabel="experts M", ylabel="diversity index", xticks=sizes, ylim=(0, 1))
    ax.legend()
c

# %% [markdown]
# ### Exercise 7.2
#
# Quartiles are a choice. Let *large* be above the quantile $1 - q$ and *small* below the quantile $q$, with $0 < q \le
# \frac12$. Write the chance level for $M$ independent experts.


# %%
def my_chance_level(M, q):
    ...
    raise NotImplementedError


grade("7.2", my_chance_level)

# %% [markdown]
# ## All at once
#
# After a training run, `python -m croco_np.diagnostics RUN`, where RUN is the folder of the run, prints everything of
# this tutorial for its best weights. The same from Python:

# %%
print(text(diagnose(*models["with CovLoss"])))

# %% [markdown]
# The diversity lines rest on **11 conflict rows**, for hardly any simulated user meets an item in two domains. Eleven
# rows say nothing, whatever the index is. The index over *all* test rows, in conflict or not, is the one with enough
# rows to compare models by.
#
# Questions to take along to Figures 2, 4 and 5 of the paper, and to any picture like them:
#
# 1. *Spectra and abundance*: equal widths? Which rows, and were all of them trained? Is the difference larger than that
#    between two seeds? How many rows has the smallest group?
# 2. *Diversity*: how many experts, and what would chance give for so many? How many rows are in conflict?
# 3. *Covariance*: one scale for all maps? Did the *correlation* fall, too? How many units are dead?
# 4. *All of them*: do the same models also rank better, in each domain?
#
# ## A backward pass with a missing term
#
# Two measures of "the same direction" are used as losses beside CovLoss. The **cosine** of two experts' outputs of one
# row is $u \cdot w$ with unit vectors $u = o / \lVert o \rVert$ and $w$ for the other expert. Move $o$ by $do$. Its
# length changes by $d\lVert o \rVert = u \cdot do$, so $du = (do - u\,(u \cdot do)) / \lVert o \rVert$, and for a
# gradient $w$ that arrives at $u$,
#
# $$\frac{\partial (u \cdot w)}{\partial o} = \frac{w - (w \cdot u)\, u}{\lVert o \rVert}$$
#
# The second term takes away the part of $w$ along $o$: stretching $o$ does not turn it. This is the term to forget.


# %%
class NoProjection:
    """Two experts; the backward treats the length of o as a constant."""

    def forward(self, p, o):
        return cosine(o)[0], o

    def backward(self, o, dvalue):
        norm = np.linalg.norm(o, axis=2, keepdims=True)
        u = o / norm
        w = u[:, ::-1]  # of the other expert
        return dvalue * w / norm / len(o), {}  # wrong: the part along u is still in it


# %% [markdown]
# Prediction: one leaf, `input 0`, is wrong. The error $(w \cdot u)\, u$ differs from entry to entry, so there is no
# common factor. There is also a check without a checker: the right gradient is orthogonal to each $o$, row by row.


# %% tags=["planted-bug"]
o = np.random.default_rng(3).random((6, 2, 4)) + 0.1  # 6 rows, 2 experts, 4 dimensions, as after a ReLU: positive
right, wrong = cosine(o)[1], NoProjection().backward(o, 1.0)[0]
assert np.allclose((o * right).sum(axis=2), 0, atol=1e-14)
assert (np.abs((o * wrong).sum(axis=2)) > 0.01).all()
catches(NoProjection(), {}, (o,), leaves={"input 0"})

# %% [markdown]
# ## A bug that no gradient check can find
#
# Covariance has a term of its own to forget: the mean. For two experts $P$ and $Q$ with centred outputs $\tilde P$,
# $\tilde Q$ (K columns) and $S = \mathrm{sgn}(\tilde P^T \tilde Q)$, CovLoss has $\partial L / \partial P = \tilde Q
# S^T / K^2$ and $\partial L / \partial Q = \tilde P S / K^2$. Here is a layer that is uncentred in the forward *and* in
# the backward:


# %%
class UncentredTwice:
    def forward(self, p, o):
        P, Q = o.swapaxes(0, 1)
        C = P.T @ Q
        S = np.sign(C.real)
        return (S * C).sum() / o.shape[2] ** 2, (P, Q, S)

    def backward(self, c, dvalue):
        P, Q, S = c
        return dvalue * np.stack([Q @ S.T, P @ S], axis=1) / P.shape[1] ** 2, {}


print(f"CovLoss {covariance(o)[0]:.3f},  uncentred twice {UncentredTwice().forward({}, o)[0]:.3f}")
assert not np.isclose(covariance(o)[0], UncentredTwice().forward({}, o)[0])
catches(UncentredTwice(), {}, (o,), leaves=set())

# %% [markdown]
# It passes every check, for its backward *is* the derivative of its forward. It is the loss that is another one. **A
# gradient check compares backward with forward; that the forward is what the paper means, only numbers worked out by
# hand or an independent program can say.** The library has both.
#
# ### At length: uncentred in the backward only
#
# With the right forward the same slip is caught: without centring, every row of $P$ gets the same push
# $\bar q\, S^T / K^2$ on top, with the mean row $\bar q$ of $Q$: a term too many, hence no common factor.


# %% tags=["planted-bug"]
class UncentredBackward:
    def forward(self, p, o):
        return covariance(o)[0], o

    def backward(self, o, dvalue):
        P, Q = (o - o.mean(axis=0)).swapaxes(0, 1)
        S = np.sign(P.T @ Q)
        P, Q = o.swapaxes(0, 1)  # wrong: the means are back
        return dvalue * np.stack([Q @ S.T, P @ S], axis=1) / o.shape[2] ** 2, {}


catches(UncentredBackward(), {}, (o,), leaves={"input 0"})

# %% [markdown]
# ### Exercise 7.3
#
# The correlation of two units $x$ and $y$, (B,) each, over the rows of a batch is $r = \tilde x \cdot \tilde y /
# (\lVert \tilde x \rVert \lVert \tilde y \rVert)$: a cosine of centred vectors. Derive and write $\partial r / \partial
# x$. Is there a term for the mean?


# %%
def my_correlation_backward(x, y):
    ...
    raise NotImplementedError


grade("7.3", my_correlation_backward)

# %% [markdown]
# ## What to take along
#
# - IA counts directions in use. Noise is abundant, and few directions may be all that the truth has.
# - A row moves its embedding along its own input. Few rows, few directions: that is one road to collapse.
# - Every index has a value for models that know nothing. Know it before you compare.
# - Scale-free measures (cosine, correlation) have a backward with a projection in it.
# - A gradient check does not check the forward.
#
# Crocodile is one of many answers to many domains. Next you read another one: [Read a
# baseline](08_read_a_baseline.ipynb).
#
# ## At length: further reading
#
# - X. Guo, J. Pan, X. Wang, B. Chen, J. Jiang and M. Long, *On the embedding collapse when scaling up recommendation
#   models*, 2024: information abundance, and a second road to collapse, through interaction with fields of few values.
# - L. Jing, P. Vincent, Y. LeCun and Y. Tian, *Understanding dimensional collapse in contrastive self-supervised
#   learning*, 2022.
# - A. M. Saxe, J. L. McClelland and S. Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep linear
#   neural networks*, 2014: strong directions first, in more than one layer.
# - A. Bardes, J. Ponce and Y. LeCun, *VICReg: variance-invariance-covariance regularization for self-supervised
#   learning*, 2022.
# - In the library: [diagnostics/abundance.py](../croco_np/diagnostics/abundance.py),
#   [diagnostics/diversity.py](../croco_np/diagnostics/diversity.py),
#   [diagnostics/covariance.py](../croco_np/diagnostics/covariance.py),
#   [losses/similarity.py](../croco_np/losses/similarity.py), [losses/covariance.py](../croco_np/losses/covariance.py).

# %%
work.cleanup()
