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
# **What you will do.** Look inside trained models. You measure how many directions an embedding table really uses, make
# a table collapse by feeding it too little, and see more exposures undo it. You train three small models, compare their
# tables, the covariance between their experts and the use of their gates, and learn to tell a finding from an artefact
# of the measure.
#
# **What you will learn.** Singular spectra and *information abundance*; why little data leaves few directions; what the
# *diversity index* counts and what it is for experts that know nothing; how to read pictures of such measures, in the
# paper and elsewhere. On the way, two backward passes with a term that is easily forgotten.
#
# **What you need.** Tutorials 4 (CovLoss) and 6 (training). Singular values: any matrix is $X =
# U\,\mathrm{diag}(\sigma)\, V^T$ with orthonormal columns in $U$ and $V$, and $\sigma_1 \ge \sigma_2 \ge \dots \ge 0$.
#
# **Equations:** Eq. (1), Eq. (2): the diversity index; the paper's measures of collapse
#
# <!-- links: written by python -m tutorials.publish.equations -->
# - [Eq. (1)](reference/equations.md#eq-1), diversity index of all-forward models:
#   [`diversity_index`](../croco_np/diagnostics/diversity.py#L113), [test by hand](../tests/test_diagnostics.py#L320),
#   [in this lesson](#The-diversity-index)
# - [Eq. (2)](reference/equations.md#eq-2), diversity index of specific-forward models:
#   [`diversity_index`](../croco_np/diagnostics/diversity.py#L113), [test by hand](../tests/test_diagnostics.py#L341),
#   [in this lesson](#The-diversity-index)
# <!-- end of links -->
#
# All clicks in this notebook are **SIMULATED**.

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import PowerNorm

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
from croco_np.train.trainer import Trainer

croco_np.tune()  # training is faster: idle threads sleep, freed memory is used again (tutorial 9)
np.set_printoptions(precision=4, suppress=True)
plt.rcParams["font.size"] = 10
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#999999"

# %% [markdown]
# ## How many directions does a table use?
#
# An embedding table has a row for each value of a field and a column for each of its E dimensions. Width 8 is a promise
# of eight independent ways in which two items can differ. Whether the promise is kept, the singular values say. Three
# tables of width 2:
#
# $$X_1 = \begin{pmatrix} 3 & 0 \\ 0 & 3 \end{pmatrix}, \qquad
# X_2 = \begin{pmatrix} 3 & 0 \\ 0 & 1 \end{pmatrix}, \qquad
# X_3 = \begin{pmatrix} 1 & 2 \\ 2 & 4 \end{pmatrix}$$
#
# Their singular values are $(3, 3)$, $(3, 1)$ and $(5, 0)$: the rows of $X_3$ are multiples of one, its second
# direction is unused. **Information abundance** (Guo and others, 2024) turns that into one number:
#
# $$\mathrm{IA}(X) = \frac{\sum_i \sigma_i}{\sigma_1}$$
#
# Here $6/3 = 2$, $4/3$ and $5/5 = 1$. In general $1 \le \mathrm{IA} \le E$: 1 if all rows lie on a line through 0, E if
# all directions are equally strong. It does not change if the table is multiplied by a number or turned.

# %%
tables = [np.array(x, float) for x in ([[3, 0], [0, 3]], [[3, 0], [0, 1]], [[1, 2], [2, 4]])]
values = [information_abundance(x).value for x in tables]
print(np.array(values))
assert np.allclose(values, [2, 4 / 3, 1])
show(singular_spectrum, information_abundance)

# %% [markdown]
# Two warnings before we use it. First, the columns are *not centred*: add the same number to all rows and one direction
# becomes dominant, although the rows differ as much as before. Second, *noise is abundant*: a table of random numbers,
# which no training has touched, has nearly the greatest IA there is.

# %%
rng = np.random.default_rng(0)
noise = rng.standard_normal((500, 8))
print(f"noise {information_abundance(noise).value:.2f},  noise + 3 {information_abundance(noise + 3).value:.2f}")
assert information_abundance(noise).value > 7
assert information_abundance(noise + 3).value < 2.5

# %% [markdown]
# So a high IA is no proof of quality, and the library measures tables only on the rows that training has moved:

# %%
show(trained_rows, docstring=True)

# %% [markdown]
# ## Make a table collapse
#
# Why should little data mean few directions? A model small enough for paper: the click score of item $i$ for a user
# with features $x$ is $x \cdot v_i$; the truth is $x \cdot v_i^\ast$; the loss of a row is $\frac12 (x \cdot v_i - x
# \cdot v_i^\ast)^2$. Its backward pass is one line, and gradient descent with step size $\eta$ does
#
# $$v_i \leftarrow v_i - \eta\, x\, (x \cdot (v_i - v_i^\ast))$$
#
# **One row moves $v_i$ along its own $x$ and in no other direction.** If feature $k$ of the users has variance $s_k^2$
# and the features are uncorrelated, the mean of $x x^T$ is $\mathrm{diag}(s^2)$. So on average the error in direction
# $k$ shrinks by the factor $1 - \eta s_k^2$ for each exposure, and after $n$ of them, from a start at 0,
#
# $$v_{ik} \approx \left(1 - (1 - \eta s_k^2)^n\right) v_{ik}^\ast$$
#
# Strong directions are learnt first, weak ones need many exposures. If the true vectors use all directions alike, the
# singular values of the learnt table stand in the proportions $1 - (1 - \eta s_k^2)^n$. With $s_k^2 = 1, \frac12,
# \frac14, \dots$ and $\eta = 0.1$, after one exposure these are $1 : \frac12 : \frac14 \dots$, an IA of 2; after very
# many, 8.
#
# Now do it: 5 groups of 2000 items, with 8 to 5000 exposures each, all in one table. To keep the picture calm an
# exposure here is a small batch, the mean over 64 users.

# %%
width, per_group, seen, eta = 8, 2000, np.array([8, 40, 200, 1000, 5000]), 0.1
s = np.sqrt(0.5 ** np.arange(width))
exposure = np.repeat(seen, per_group)

rng = np.random.default_rng(1)
true = rng.standard_normal((len(exposure), width))
learnt = 1e-6 * rng.standard_normal((len(exposure), width))
for n in range(seen.max()):
    active = slice(np.searchsorted(exposure, n, "right"), None)  # groups are sorted by exposure
    v, target = learnt[active], true[active]
    x = s * rng.standard_normal((64, width))  # 64 users look at all active items
    v -= eta * ((v - target) @ x.T) @ x / len(x)

share_learnt = 1 - (1 - eta * s**2) ** seen[:, None]  # (groups, width), the formula
said = (share_learnt / share_learnt[:, :1]).sum(axis=1)
found = [information_abundance(learnt[exposure == n]).value for n in seen]
print("exposures ", *(f"{n:>6}" for n in seen))
print("IA formula", *(f"{v:6.2f}" for v in said))
print("IA found  ", *(f"{v:6.2f}" for v in found))
print(f"IA of the true vectors, 2000 rows: {information_abundance(true[exposure == 5000]).value:.2f}")
assert np.allclose(found, said, rtol=0.06)
assert np.all(np.diff(found) > 0)
assert np.isclose(found[-1], information_abundance(true[exposure == 5000]).value, rtol=0.01)

# %%
figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
for k, (n, colour) in enumerate(zip(seen, plt.cm.cividis(np.linspace(0, 0.9, len(seen))), strict=True)):
    axis.semilogy(range(1, 9), singular_spectrum(learnt[exposure == n]).value, "o-", color=colour, label=f"{n:,}")
    formula = share_learnt[k] / share_learnt[k, 0]
    axis.semilogy(range(1, 9), formula, ":", color="black", lw=1, label="formula" if k == 4 else None)
axis.set(xlabel="number of the singular value", ylabel="singular value / the largest")
axis.legend(title="exposures an item", frameon=False, ncols=2)
axis.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# The picture shows five falling curves of singular values on a log axis. The fewer the exposures, the steeper: with 8
# exposures the last direction is a hundredth of the first, with 5000 the curve is nearly flat. Dotted lines are the
# formula. It ends at 8 and the table does not: the true vectors are random, and 2000 random rows of width 8 do not use
# all directions quite alike (the 500 rows of noise above had 7.2).
#
# This is *dimensional collapse* in its simplest form: nothing is broken, the table has just not been taught its weak
# directions. A domain with few rows, with a table of its own, is the left end of this experiment. A table that all
# domains share is further right. That is the paper's case for sharing tables. (There is a second road to collapse,
# through interaction with fields of few values; Guo and others, 2024, describe it.)
#
# The library's version of the experiment takes any table and the counts of its rows. It sorts rows by exposure and cuts
# them in five groups of equally many:

# %%
counts = exposure[None].copy()  # (domains, rows): one domain
counts[0, 0] = 1  # row 0 stands for rare values and is left out
fifths = [m.value for m in abundance_by_exposure([learnt], counts)]
print("least exposed", np.array(fifths), "most exposed")
assert np.allclose(fifths, found, rtol=0.01)

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
# age of the user meet kinds of items), and some main effects. Keep that in mind for later: the truth here does not need
# eight directions.

# %%
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
# First, whose rows? `exposures` counts how often each item occurs in each domain of the training rows. Domain 2 has
# 0.75 % of the rows, so its own table meets few items, each a few times.

# %%
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

predictor, _, config = models["single_domain"]
small = trained_rows(seen, 1)  # the items of domain 2, before and after training, without the strongest direction after
U, sigma, Vt = np.linalg.svd(own[1][small], full_matrices=False)
tail = own[1][small] - sigma[0] * np.outer(U[:, 0], Vt[0])
start = field_tables(Trainer.from_config(config, splits).start().params, schema, schema.item)[1][small]
start = start - np.outer(start @ Vt[0], Vt[0])
left = (start * tail).sum() / (start * start).sum()
print(f"domain 2, all directions but the first: {left:.2f} of the random start is left")
assert 0.15 < left < 0.19

# %%
figure, axes = plt.subplots(1, 2, figsize=(7, 3.3), layout="constrained", sharey=True)
for d, (name, colour, mark) in enumerate(zip(schema.domains, (BLUE, ORANGE, GREEN), "osv", strict=True)):
    rows = trained_rows(seen, d)
    axes[0].semilogy(range(1, 9), singular_spectrum(own[d][rows]).value, mark + "-", color=colour, label=name)
    spectra = np.mean([singular_spectrum(t[rows]).value for t in shared], axis=0)
    axes[1].semilogy(range(1, 9), spectra, mark + "-", color=colour, ms=9 - 3 * d, label=name)
axes[0].set(title="a table for each domain", ylabel="singular value / largest")
axes[1].set(title="shared tables (mean of three)")
for axis in axes:
    axis.set_xlabel("number of the singular value")
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
figure.suptitle("SIMULATED DATA", color=ORANGE, fontsize=10)
assert information_abundance(own[1][trained_rows(seen, 1)]).value == min(
    information_abundance(own[d][trained_rows(seen, d)]).value for d in range(3)
)

# %% [markdown]
# Left, a curve for each domain's own table. Those of domains 1 and 3 start slowly and go on falling: some directions in
# use, the rest forgotten. That of domain 2, the smallest, drops at once to a fifth and then stays level near a tenth.
# It has learnt **one** direction. The level tail has no structure: about a sixth of the random start is still in it,
# the rest is what two exposures an item happened to write there. Right, the shared tables on the items of each domain:
# the three curves lie on each other. They must nearly do so: it is one set of tables, and only the choice of items
# differs. What sharing buys is that domain 2 reads rows that others have trained; whether it *helps* is for its AUC to
# say.
#
# How to read such numbers without fooling yourself:
#
# - *Is low IA bad?* The best of our models has an IA between 2 and 3 of 8. The simulated truth has two factors and a
#   main effect, so that is about what is **needed**. Collapse means fewer directions than the truth has, and on real
#   data nobody knows how many that is. Compare tables, do not grade one.
# - *Which rows?* See the right column of the table above: counting rows that training never moved changes the number.
# - *Same width?* IA is at most the width. Compare at equal widths.

# %%
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
# Tutorial 4 built CovLoss from the covariance of all expert outputs with each other. Here are its maps for both models
# on the same test rows, and the mean |correlation| between dimensions of *different* experts, which, unlike covariance,
# does not change when a unit shrinks. A unit that is off for all rows is **dead**: it never varies, and has no
# correlation. `between_experts` leaves dead units out of the correlation, and counts them.

# %%
outputs = {}
for name in ("without CovLoss", "with CovLoss"):
    whole = replace(models[name][0], block=test.n)  # all test rows at once
    outputs[name], _, at, _ = next(whole.outputs(test))
maps = {name: covariance_map(out.experts) for name, out in outputs.items()}
strength = {name: between_experts(cov, 3) for name, cov in maps.items()}

figure, axes = plt.subplots(1, 2, figsize=(7, 3.6), layout="constrained", sharey=True)
top = np.quantile(np.abs(maps["without CovLoss"]), 0.99)
for axis, (name, cov) in zip(axes, maps.items(), strict=True):
    image = axis.imshow(np.abs(cov), cmap="cividis", norm=PowerNorm(0.5, vmin=0, vmax=top))
    for edge in (15.5, 31.5):
        axis.axhline(edge, color="white", lw=1)
        axis.axvline(edge, color="white", lw=1)
    axis.set_xticks((7.5, 23.5, 39.5), ("expert 1", "expert 2", "expert 3"))
    axis.set_yticks((7.5, 23.5, 39.5), ("expert 1", "expert 2", "expert 3"))
    axis.set_title(name, fontsize=10)
figure.colorbar(image, ax=axes, label="|covariance|, square-root scale", shrink=0.8)
figure.suptitle("SIMULATED DATA", color=ORANGE, fontsize=10)
expert = np.repeat(range(3), 16)  # whose each unit is
for name, (cov, corr, dead, units) in strength.items():
    alone, together = expert_abundance(outputs[name].experts)
    each = " ".join(f"{m.value:.2f}" for m in alone)
    print(f"{name:<16} |cov| {cov:.5f}  |corr| {corr:.3f}  IA of the outputs {each}, together {together.value:.2f}")
    live = np.diag(maps[name]) > 0
    among = np.abs(np.corrcoef(outputs[name].experts.reshape(len(at), -1)[:, live].T))
    apart = expert[live, None] != expert[live]
    assert np.isclose(among[apart].mean(), corr)
    counted_as_0 = among[apart].sum() / (expert[:, None] != expert).sum()
    print(f"{'':<16} dead: {dead} of {units} units; counted as uncorrelated, they would make it {counted_as_0:.3f}")
assert strength["with CovLoss"].correlation < strength["without CovLoss"].correlation

# %% [markdown]
# Each map is a 3 × 3 chessboard of blocks, one for each pair of experts. Without the loss there is light in the blocks
# between experts; with it they are nearly dark. A dark stripe is a unit that is off for all rows. Look at expert 3 on
# the right: even its own block has gone dark, it hardly varies any more. To shrink is a cheap way not to covary, which
# is why the correlation is printed too: it does not change when a unit shrinks. To die is cheaper still, and CovLoss
# switched some units off. Counted as uncorrelated they would pass for experts that differ; the |corr| printed is that
# of live units only, and it fell as well. Read every figure of this kind with the number of dead units beside it.
#
# Look at the test AUC printed above as well: less covariance is what the loss was asked for, and it is not the same as
# a better model.
#
# ## Who uses which expert?
#
# A gate gives each expert a share, and the shares of a row add up to 1. Averaged over the rows of a domain:

# %%
domains = np.asarray(test.domains)
ends = np.cumsum(np.bincount(domains, minlength=3))  # the outputs are sorted by domain
rows = tuple(slice(int(a), int(b)) for a, b in zip([0, *ends[:-1]], ends, strict=True))
use = np.array(gate_use(outputs["with CovLoss"].gates, rows))
assert np.allclose(use.sum(axis=1), 1)

figure, axis = plt.subplots(figsize=(7, 2.8), layout="constrained")
left = np.zeros(3)
for m, (colour, hatch) in enumerate(zip((BLUE, ORANGE, GREEN), ("", "//", ".."), strict=True)):
    axis.barh(
        schema.domains, use[:, m], left=left, color=colour, hatch=hatch, edgecolor="white", label=f"expert {m + 1}"
    )
    left += use[:, m]
for third in (1 / 3, 2 / 3):
    axis.axvline(third, color="black", ls=":", lw=1)
axis.set(xlabel="mean share of each expert (dotted: all alike)", xlim=(0, 1))
axis.invert_yaxis()
axis.set_title("SIMULATED DATA", color=ORANGE, fontsize=10)
figure.legend(loc="outside upper center", ncols=3, frameon=False)
print(use)

# %% [markdown]
# One bar a domain, cut into the shares of the three experts. If all bars looked alike the domains would use the experts
# alike; if a bar were all of one colour, its domain would have an expert to itself. A mean hides much: two halves of a
# domain's rows that choose opposite experts average to "all alike".
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
# *large* is above the upper quartile of an expert's own lengths, *small* below its lower one. Eight rows, two experts,
# on the blackboard. Expert 1 has lengths 1 to 8: 7 and 8 are large, 1 and 2 are small.

# %%
up = np.arange(1.0, 9)
everything = Conflicts(LEVELS[0], {(0, 1): np.arange(8)}, {(0, 1): 8})
cases = {
    "two, opposite": (up, up[::-1]),
    "two, alike": (up, up),
    "four, alike but in size": (up, 10 * up, 10 * up, 100 * up),
}
for name, norms in cases.items():
    lengths = np.stack(norms, axis=1)
    found = [diversity_index(lengths, everything, pooled)["overall"]["value"] for pooled in (False, True)]
    print(f"{name:<24} quartiles of each expert: {found[0]:.1f},  quartiles of all pooled: {found[1]:.1f}")
    assert found == {2: [0.5, 0.5] if norms[1][0] == 8 else [0.0, 0.0], 4: [0.0, 1.0]}[len(norms)]

# %% [markdown]
# Opposite experts: rows 1, 2, 7 and 8 are hits, DI = 4/8. Experts that are alike: 0. The third line is the trap. Four
# experts that rise and fall together, one short and one long in all rows: with quartiles taken over all experts
# together the long one is always large, the short one always small, and every row is a hit. Their outputs agree in
# everything but size, and the index says 1. Hence each expert's own quartiles, and the pooled ones as a variant.
#
# ### What would chance do?
#
# M experts with independent lengths. A row has no large output with probability $(3/4)^M$, no small one with the same,
# and neither with $(1/2)^M$. By inclusion and exclusion
#
# $$\mathrm{DI}_{\text{chance}} = 1 - 2 \left(\tfrac34\right)^M + \left(\tfrac12\right)^M$$
#
# For 2, 3, 5 experts that is 0.125, 0.281, 0.557. **It grows with M by itself**: a model of eight experts looks more
# diverse than one of three although both know nothing.

# %%
rng = np.random.default_rng(2)
for m in (2, 3, 5, 8):
    n = 20_000
    rows_of_noise = Conflicts(LEVELS[0], {(0, 1): np.arange(n)}, {(0, 1): n})
    drawn = diversity_index(rng.random((n, m)), rows_of_noise)["overall"]["value"]
    print(f"M = {m}: formula {chance_level(m):.3f}, drawn {drawn:.3f}")
    assert abs(drawn - chance_level(m)) < 0.02

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
# this tutorial for its best weights and writes it to `RUN/diagnostics.json`. The same from Python:

# %%
print(text(diagnose(*models["with CovLoss"])))

# %% [markdown]
# Read the diversity lines with care: they rest on **11 conflict rows**, for hardly any simulated user meets an item in
# two domains. Eleven rows say nothing, whatever the index is; the report prints their number so that you can see it.
# The index over *all* test rows, in conflict or not, is the one with enough rows to compare models by. (The report
# counts experts from 0. *All-forward* means that every row runs through all experts.)
#
# ### Reading the paper's pictures
#
# Figures 2, 4 and 5 of the paper show measures of this kind for several systems. Take these questions along, to them
# and to any picture like them:
#
# 1. *Spectra and abundance*: equal widths? Which rows, and were all of them trained? Is the difference larger than that
#    between two seeds?
# 2. *By domain or by exposure*: how many rows has the smallest group? A curve through five points of which one rests on
#    thirty items is a curve through four.
# 3. *Diversity*: how many experts, and what would chance give for so many? Large and small for each expert or pooled?
#    How many rows are in conflict?
# 4. *Covariance*: one colour scale for all maps? Did the *correlation* fall too, or did the outputs only shrink? How
#    many units are dead?
# 5. *All of them*: do the same models also rank better, in each domain? A measure of the inside explains; it does not
#    replace the outside.
#
# ## A backward pass with a missing term
#
# Two measures of "the same direction" are used as losses beside CovLoss. The **cosine** of two experts' outputs of one
# row is $u \cdot w$ with unit vectors $u = o / \lVert o \rVert$ and $w$ for the other expert. Move $o$ by $do$. Its
# length changes by $d\lVert o \rVert = u \cdot do$, so
#
# $$du = \frac{do}{\lVert o \rVert} - \frac{o}{\lVert o \rVert^2}\, (u \cdot do)
# = \frac{do - u\,(u \cdot do)}{\lVert o \rVert}$$
#
# and with it, for a gradient $w$ that arrives at $u$,
#
# $$\frac{\partial (u \cdot w)}{\partial o} = \frac{w - (w \cdot u)\, u}{\lVert o \rVert}$$
#
# The second term takes away the part of $w$ along $o$: stretching $o$ does not turn it. This is the term to forget.

# %%
show(cosine)


# %%
class CosineWithoutProjection:
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
# common factor, and the hint should speak of a missing term. There is also a check without a checker: the right
# gradient is orthogonal to each $o$, row by row.


# %% tags=["planted-bug"]
o = np.random.default_rng(3).random((6, 2, 4)) + 0.1  # 6 rows, 2 experts, 4 dimensions, as after a ReLU: positive
catches(CosineWithoutProjection(), {}, (o,), leaves={"input 0"})

# %%
right = cosine(o)[1]
wrong = CosineWithoutProjection().backward(o, 1.0)[0]
print("o . do, right:", np.abs((o * right).sum(axis=2)).max().round(12), "  wrong:", (o * wrong).sum(axis=2)[0])
assert np.allclose((o * right).sum(axis=2), 0, atol=1e-14)
assert (np.abs((o * wrong).sum(axis=2)) > 0.01).all()

# %% [markdown]
# ## A bug that no gradient check can find
#
# Covariance has a term of its own to forget: the mean. For two experts $P$ and $Q$ with centred outputs $\tilde P$,
# $\tilde Q$ (K columns) and $S = \mathrm{sgn}(\tilde P^T \tilde Q)$, CovLoss has $\partial L / \partial P = \tilde Q
# S^T / K^2$ and $\partial L / \partial Q = \tilde P S / K^2$. Two layers: the right forward with an uncentred backward,
# and one that is uncentred in *both*.


# %% tags=["planted-bug"]
class UncentredBackward:
    def forward(self, p, o):
        return covariance(o)[0], o

    def backward(self, o, dvalue):
        P, Q = (o - o.mean(axis=0)).swapaxes(0, 1)
        S = np.sign(P.T @ Q)
        P, Q = o.swapaxes(0, 1)  # wrong: the means are back
        return dvalue * np.stack([Q @ S.T, P @ S], axis=1) / o.shape[2] ** 2, {}


class UncentredTwice:
    def forward(self, p, o):
        P, Q = o.swapaxes(0, 1)
        C = P.T @ Q
        S = np.sign(C.real)
        return (S * C).sum() / o.shape[2] ** 2, (P, Q, S)

    def backward(self, c, dvalue):
        P, Q, S = c
        return dvalue * np.stack([Q @ S.T, P @ S], axis=1) / P.shape[1] ** 2, {}


catches(UncentredBackward(), {}, (o,), leaves={"input 0"})
print()
catches(UncentredTwice(), {}, (o,), leaves=set())
print(f"\nCovLoss {covariance(o)[0]:.3f},  uncentred twice {UncentredTwice().forward({}, o)[0]:.3f}")
assert not np.isclose(covariance(o)[0], UncentredTwice().forward({}, o)[0])

# %% [markdown]
# The first is caught: without centring, every row of $P$ gets the same push $\bar q\, S^T / K^2$ on top, with the mean
# row $\bar q$ of $Q$: a term too many, hence no common factor. The second passes every check, for its backward *is* the
# derivative of its forward. It is the loss that is another one. **A gradient check compares backward with forward; that
# the forward is what the paper means, only numbers worked out by hand or an independent program can say.** The library
# has both.
#
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
# ## Further reading
#
# - X. Guo, J. Pan, X. Wang, B. Chen, J. Jiang and M. Long, *On the embedding collapse when scaling up recommendation
#   models*, 2024: information abundance, and collapse through interaction.
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
#
# Crocodile is one of many answers to many domains. Next you read another one, from its figure to its gradients: [Read a
# baseline](08_read_a_baseline.ipynb).

# %%
work.cleanup()
