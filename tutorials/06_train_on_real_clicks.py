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
# # 6. Train on real clicks
#
# **What you will do.** Train Crocodile on a click log until it stops getting better, and measure what it learnt: in
# each domain, for each user, with an error bar. Then break the measures on purpose.
#
# **What you will learn.** What AUC and gAUC count, pair by pair. When training stops. Why one number for all domains
# can lie. On which batches a wrong weight in the loss hides from the gradient checker.
#
# **What you need.** Tutorials 1 to 5: a backward pass, the gradient checker, the model and its objective.
#
# **Equations:** Eq. (7)
#
# <!-- links: written by python -m tutorials.publish.equations -->
# - [Eq. (7)](reference/equations.md#eq-7):
#   [`Objective`](../croco_np/objective.py#L13), [test by hand](../tests/layers/test_by_hand.py#L101),
#   [in this lesson](#The-run)
# <!-- end of links -->

# %% tags=["hide-input"]
import os
import tempfile
from pathlib import Path

import numpy as np

import croco_np
from croco_np.config import RECIPES, Config
from croco_np.datasets.kuairand import find
from croco_np.datasets.load import load
from croco_np.datasets.simulate import simulate
from croco_np.errors import InputError
from croco_np.kernels.ranking import right_pairs
from croco_np.losses.bce import bce, row_weights, sigmoid
from croco_np.metrics import auc, evaluate_domains, gauc
from croco_np.runs.folder import RunFolder
from croco_np.teaching import catches, grade, show
from croco_np.teaching.pictures import chart
from croco_np.teaching.pictures.lesson06 import areas, pairs_that_flip, shifted_user
from croco_np.train.loop import fit
from croco_np.train.trainer import Trainer

croco_np.tune()  # training is faster: idle threads sleep, freed memory is used again (tutorial 9)
np.set_printoptions(precision=4, suppress=True)
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#999999"

# %% [markdown]
# ## AUC, pair by pair
#
# A model gives each row of a click log a score, and we know which rows were clicked. Take every pair of a clicked row
# and one that was not. **AUC is the share of these pairs in which the clicked row has the higher score**, a tie
# counting one half. Move the score of a row and see which pairs flip:

# %% tags=["hide-input"]
pairs_that_flip("abcd", tenths=(9, 6, 5, 5), labels=(1, 0, 1, 0))

# %% [markdown]
# With $n_1$ clicked rows $i$ and $n_0$ others $j$, and $[\cdot]$ for 1 if the bracket is true and 0 otherwise,
#
# $$\mathrm{AUC} = \frac{1}{n_1 n_0} \sum_{y_i = 1} \sum_{y_j = 0} \left( [z_i > z_j] + \tfrac12 [z_i = z_j] \right)$$
#
# Only the order of the scores counts: logits and probabilities have the same AUC. And the mix of classes drops out:
# with half of the non-clicks, drawn at random, AUC stays the same up to noise.

# %%
four = auc(np.array([0.9, 0.6, 0.5, 0.5]), np.array([1, 0, 1, 0]))
assert four.value == (1 + 1 + 0 + 1 / 2) / 4

# %% [markdown]
# ### Exercise 6.1
#
# Write AUC from its definition, ties included; `labels` are 0 and 1. Small inputs: all pairs at once, by broadcasting,
# will do.


# %%
def my_auc(scores, labels):
    ...
    raise NotImplementedError


grade("6.1", my_auc)

# %% [markdown]
# The library does not visit all pairs, of which a million rows would have billions. It sorts both classes and looks
# each clicked row up among the others.

# %%
show(auc)

# %% [markdown]
# ## gAUC: inside each user
#
# A list is shown to *one* user. Whether user A's clicked items score above user B's skipped ones never matters to
# anybody. gAUC keeps only the pairs inside a user $u$ and weighs each user by the number of impressions $n_u$ (an
# *impression* is one row: somebody saw an item, and clicked or did not):
#
# $$\mathrm{gAUC} = \frac{\sum_u n_u\, \mathrm{AUC}_u}{\sum_u n_u}$$
#
# Add a number to all scores of user 8. AUC changes, although no list does; gAUC cannot.

# %% tags=["hide-input"]
scores = np.array([0.9, 0.1, 0.6, 0.5, 0.3, 0.2, 0.4])
labels = np.array([1, 0, 0, 1, 0, 0, 1])
users = np.array([7, 7, 8, 8, 8, 9, 10])  # user 9 clicked nothing, user 10 everything
by_hand = (2 * 1.0 + 3 * 0.5) / (2 + 3)  # user 7: one pair, right; user 8: two pairs, one right; 9 and 10: no pair
assert gauc(scores, labels, users).value == by_hand
assert gauc(scores, labels, users).share == 5 / 7
shifted_user(scores, labels, users, shifted=8)

# %% [markdown]
# User 9 clicked nothing and user 10 everything: without a pair there is no $\mathrm{AUC}_u$, and such a user is **left
# out of both sums**. So gAUC always comes with a second number, the share of rows it covers: here 5 of 7.
#
# ## Which clicks?
#
# With the files of [KuaiRand](https://kuairand.com) in `data/kuairand`, or in a folder named by the environment
# variable `CROCO_NP_KUAIRAND`, this notebook trains on **real clicks** (two weeks of KuaiRand-Pure take a minute or
# two). Without them it trains on the **simulated** AliCCP, small. The output that comes with this notebook is of
# **SIMULATED DATA**; no number below says anything about real people.

# %% tags=["hide-input"]
work = tempfile.TemporaryDirectory()  # everything that this notebook writes; gone when it ends
asked = os.environ.get("CROCO_NP_KUAIRAND")
kuairand = Path(asked or Path(croco_np.__file__).parents[1] / "data" / "kuairand")
try:
    find(kuairand)
    real = True
except InputError:
    if asked:  # a folder that was named must have the files
        raise
    real = False

if real:
    config = Config(dataset="kuairand", data_dir=str(kuairand), patience=2, **RECIPES["kuairand"])
else:
    simulate(Path(work.name) / "clicks", rows=120_000, seed=0)
    small = {"expert_sizes": (16,), "tower_sizes": (16,), "batch_size": 256, "lr": 5e-3, "dtype": "float64"}
    config = Config(dataset="aliccp", data_dir=str(Path(work.name) / "clicks"), **(RECIPES["aliccp"] | small))

splits = load(config)
print("KuaiRand: REAL CLICKS" if real else "*** SIMULATED DATA: not one of these clicks is real ***")
assert splits.simulated != real

# %% [markdown]
# The rows come in three parts. The model learns from `train`, we choose between epochs on `valid`, and `test` is opened
# once, at the end: every choice made while looking at test figures makes them a little too good.
#
# A *domain* is the place where the impression happened: a tab of the app, a page of the shop. Look at their sizes
# before any model does; they decide which numbers can be trusted later.

# %% tags=["hide-input"]
names = splits.schema.domains


def by_domain(rows):
    """Impressions and clicks of each domain."""
    domains, labels = np.asarray(rows.domains), np.asarray(rows.labels)
    return (np.bincount(domains, w, len(names)).astype(int) for w in (None, labels))


def mark(figure):
    if splits.simulated:
        figure.suptitle("SIMULATED DATA", color=ORANGE, fontsize=10)


n_train, c_train = by_domain(splits.train)
n_test, c_test = by_domain(splits.test)
print(f"{'':<10}{'train rows':>11}{'test rows':>10}{'test clicks':>12}{'click rate':>11}")
for s, name in enumerate(names):
    rate = c_train[s] / n_train[s]
    print(f"{name:<10}{n_train[s]:>11,}{n_test[s]:>10,}{c_test[s]:>12,}{rate:>11.3f}")
assert n_train.sum() == splits.train.n
assert not splits.simulated or (n_test[1], c_test[1]) == (225, 13)

with chart("a pair of bars for each domain, its test rows and its test clicks", 1 + 0.5 * len(names)) as c:
    ax, at = c.axes(), np.arange(len(names))
    ax.barh(at - 0.2, n_test, 0.36, color=BLUE, label="test rows")
    ax.barh(at + 0.2, np.maximum(c_test, 0.5), 0.36, color=ORANGE, hatch="//", edgecolor="white", label="clicks")
    ax.set_yticks(at, names)
    ax.set(xscale="log", ylim=(len(names) - 0.5, -0.5))
    c.figure.legend(loc="outside lower center", ncols=2)
    mark(c.figure)
c

# %% [markdown]
# AliCCP calls its domains 1, 2 and 3: these are names, and `domain 2` has index 1. In the simulated log, and in the
# genuine AliCCP whose shares it copies, domain 2 has 0.75 % of the rows: 225 test rows
# with 13 clicks. Keep that 13 in mind. In KuaiRand the tabs differ in another way: about 9 % of the impressions of tab
# 0 are clicked, and about half of those of tab 1.
#
# ## The run
#
# `Config` holds every size and weight. `Trainer` holds what they ask for: a model, an objective and an optimiser, none
# of which changes. What changes is a `State`: parameters, moments of Adam, where training stands. One training step is
# the whole course so far. Three things are new and may be skipped: `catch_up` brings rows of tables up to date that
# Adam left alone (tutorial 9), `own` is the gradient of a loss that has parameters itself, and `tracked` are values
# that a model keeps without training them.

# %%
trainer = Trainer.from_config(config, splits)
state = trainer.start()
show(Trainer.step)

# %% [markdown]
# `self.objective` is Eq. (7). With $B_s$ the rows of domain $s$ of a batch and $z_i$ the logit of row $i$,
#
# $$L = \sum_s \frac{1}{N_s} \sum_{i \in B_s} \mathrm{BCE}(z_i, y_i) + \alpha\, L_{\mathrm{Cov}}$$
#
# What $N_s$ is in a mini-batch can be read in three ways, which `row_weights` of
# [losses/bce.py](../croco_np/losses/bce.py) has. The default, `batch_mean`, gives every row the weight $1/B$, with $B$
# rows in the batch. We come back to it with a bug.
#
# `fit` loops over epochs and batches, and keeps everything in a `RunFolder`, so that a run that was interrupted goes on
# bit for bit. `python -m croco_np.train` does what the next cell does, then measures and draws.

# %% tags=["varies"]
folder = RunFolder.new(Path(work.name) / "run", config)
folder.begin(config, splits)
finished = fit(trainer, state, folder, epochs=config.epochs, patience=config.patience)

# %% [markdown]
# ## Read the learning curve
#
# After each epoch `fit` scores the validation rows. If their AUC is the best so far, it keeps a copy of the weights. If
# it was not, `patience` times in a row, training ends. This is *early stopping*: the number of epochs is a size like
# any other, chosen on validation rows, and it is the cheapest guard against learning the training rows by heart.

# %% tags=["hide-input"]
assert finished
history = state.facts["history"]
epochs = [h["epoch"] for h in history]
areas_under = [h["valid"]["auc"] for h in history]
best = int(np.argmax(areas_under))

with chart(
    "two panels by epoch. Above, cross-entropy: that of training keeps falling, that of validation falls and then stays"
    " level or rises. Below, validation AUC rises to its best epoch, which is ringed, and falls until training stops",
    4.6,
) as c:
    upper, lower = c.axes(2, 1, sharex=True)
    upper.plot(epochs, [h["bce"] for h in history], "o-", color=BLUE, label="training")
    upper.plot(epochs, [h["valid"]["logloss"] for h in history], "s--", color=ORANGE, label="validation")
    upper.set_ylabel("cross-entropy")
    upper.legend(loc="upper center")
    lower.plot(epochs, areas_under, "s--", color=ORANGE)
    lower.plot(epochs[best], areas_under[best], "o", ms=14, mfc="none", color=GREEN)
    lower.set(xlabel="epoch", ylabel="validation AUC")
    lower.text(epochs[best] - 0.1, min(areas_under), "kept", ha="right", color=GREEN)
    for axis in (upper, lower):
        axis.axvline(epochs[best], color=GREEN, ls=":")
        axis.axvline(epochs[-1], color=GREY)
    lower.text(epochs[-1] - 0.08, min(areas_under), "stop", ha="right")
    lower.set_xticks(epochs)
    mark(c.figure)

assert state.facts["best_epoch"] == epochs[best]
if splits.simulated:  # what the text below says
    assert np.all(np.diff([h["bce"] for h in history]) < 0)
    assert history[0]["bce"] > history[0]["valid"]["logloss"]
    assert history[-1]["valid"]["logloss"] > min(h["valid"]["logloss"] for h in history)
    assert epochs[-1] == epochs[best] + config.patience
c

# %% [markdown]
# Training loss does not tell you when to stop: it goes on falling while validation no longer does. (It starts above
# validation because it is the mean over an epoch in which the model was still learning.) And the two panels need not
# agree on the best epoch: cross-entropy asks whether the *probabilities* are right, AUC only whether the *order* is.
#
# ## The result, domain by domain
#
# Now the test rows, once. An AUC of 13 clicks is a mean over $13 \times 212$ pairs, and yet it knows little more than
# 13 things: when such a domain's AUC is 0.76, it is good for $0.76 \pm 0.13$. So each AUC gets a 95 % interval.
#
# For simulated data we also know the true click probability of every row, and with it the **best possible AUC**, that
# of these probabilities. No model can do better, but by luck: to put the row with the higher true probability on top is
# right more often than wrong. It is not 1, since a click of probability 0.3 is a coin throw whose outcome nobody can
# know. On real clicks there is such a bound as well; it is unknown.

# %% [markdown]
# ### At length: how sure is an AUC?
#
# Give each row its own share of right pairs: $V_i$, the share of non-clicks under clicked row $i$, and $W_j$, the share
# of clicks over row $j$. Then AUC is the mean of the $V_i$ and also the mean of the $W_j$, and for independent rows its
# variance is close to
#
# $$\mathrm{Var}(\mathrm{AUC}) \approx \frac{\mathrm{Var}(V)}{n_1} + \frac{\mathrm{Var}(W)}{n_0}$$
#
# (DeLong and others, 1988). The rarer class decides. A 95 % interval reaches 1.96 standard errors to either side. For
# gAUC, whose units are users, we draw the users again with replacement, 500 times, and take the middle 95 % of the
# results (a *bootstrap*).


# %%
def auc_error(scores, labels):
    """Standard error of an AUC (DeLong et al. 1988); NaN with fewer than two rows of a class."""
    up, down = np.sort(scores[labels == 1]), np.sort(scores[labels == 0])
    if min(len(up), len(down)) < 2:
        return np.nan

    def below(x, sorted_scores):  # share of the sorted scores below each x, a tie counting 1/2
        return sum(np.searchsorted(sorted_scores, x, side) for side in ("left", "right")) / 2 / len(sorted_scores)

    V, W = below(up, down), 1 - below(down, up)
    assert np.allclose([V.mean(), W.mean()], auc(scores, labels).value)
    return np.sqrt(V.var(ddof=1) / len(up) + W.var(ddof=1) / len(down))


def bootstrap(total, rows, rng, times=500):
    """95 % interval of sum(total) / sum(rows) over users, by drawing users again."""
    if len(rows) == 0:
        return np.nan, np.nan
    again = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), times)
    return tuple(np.quantile(again @ total / (again @ rows), (0.025, 0.975)))


def gauc_interval(z, y, user):
    """Users with both classes, and the 95 % interval of gAUC."""
    _, group = np.unique(user, return_inverse=True)
    n1, n, pairs = right_pairs(z, y.astype(bool), group, group.max() + 1)
    both = (n1 > 0) & (n1 < n)
    n1, n, pairs = n1[both], n[both], pairs[both]
    return len(n), *bootstrap(n * pairs / (n1 * (n - n1)), n, np.random.default_rng(1))


rng = np.random.default_rng(0)
y_toy = np.repeat([1, 0], [13, 212])
draws = [rng.standard_normal(225) + y_toy for _ in range(1000)]  # true AUC: P(N(1, 2) > 0) = 0.76
spread = np.std([auc(z, y_toy).value for z in draws])
said = np.mean([auc_error(z, y_toy) for z in draws])
print(f"13 clicks among 225 rows: AUC varies by {spread:.3f}; the formula says {said:.3f}")
assert abs(said / spread - 1) < 0.15

# %% [markdown]
# ### Test AUC and gAUC

# %% tags=["hide-input"]
z = trainer.predictor(state.best).logits(splits.test)
y, domain, user = (np.asarray(a) for a in (splits.test.labels, splits.test.domains, splits.test.users))
measured = evaluate_domains(z, splits.test, names)
truth = None if splits.truth is None else np.asarray(splits.truth)


def text(value, form):
    return "-" if value is None or not np.isfinite(value) else format(value, form)


table = {}
print(f"{'':<10}{'clicks':>7}{'AUC':>7}{'best':>7}{'gAUC':>8}{'95 %':>15}{'users':>7}{'rows':>6}")
for name, m in [*measured["domains"].items(), ("pooled", measured["overall"])]:
    own = np.full(len(y), True) if name == "pooled" else domain == names.index(name)
    half = 1.96 * auc_error(z[own], y[own])
    used, low, high = gauc_interval(z[own], y[own], user[own])
    bound = None if truth is None else auc(truth[own], y[own]).value
    table[name] = m["auc"], half, bound, used
    g = "-" if np.isnan(low) else f"{low:.2f} to {high:.2f}"
    numbers = f"{text(m['auc'], '.3f'):>7}{text(bound, '.3f'):>7}{text(m['gauc'], '.3f'):>8}{g:>15}{used:>7}"
    print(f"{name:<10}{m['positives']:>7,}{numbers}{m['gauc_rows_share']:>6.0%}")
print("users, rows: those that gAUC covers. " + ("SIMULATED DATA" if splits.simulated else "REAL CLICKS"))
assert not splits.simulated or table["domain 2"][-1] == 3

with chart(
    "a line for each domain, the last one all rows pooled: a dot for the test AUC with its 95 % interval, a tick for"
    " the best possible one; the interval of the smallest domain is many times wider than the others",
    1.4 + 0.45 * len(table),
) as c:
    ax = c.axes()
    for k, (value, half, bound, _) in enumerate(table.values()):
        ax.errorbar(value, k, xerr=half, fmt="o", color=BLUE, capsize=4, label=None if k else "AUC, 95 %")
        if bound is not None:
            ax.plot(bound, k, "|", ms=16, mew=3, color=ORANGE, label=None if k else "best possible")
    ax.axvline(0.5, color=GREY, ls=":", label="chance")
    ax.set_yticks(range(len(table)), table)
    ax.set(xlabel="AUC on the test rows", ylim=(len(table) - 0.5, -0.5))
    c.figure.legend(loc="outside lower center", ncols=3)
    mark(c.figure)
c

# %% [markdown]
# In the simulated run the interval of domain 2 is many times wider than the differences between models that papers
# usually report, 0.001 to 0.01. Its best possible AUC is drawn from the same 13 clicks and jumps about with them, so
# that with other test rows the model may well seem to beat it.
#
# These intervals take rows for independent. Rows of one user are not, so the truth is wider. The gAUC intervals draw
# users, and need many of them: the 225 rows of domain 2 belong to **three** users, and an interval of three users is
# none. In two weeks of KuaiRand-Pure gAUC covers about half of the rows overall and 4 % in tab 6; there, the number
# that everybody quotes is about the other rows.
#
# ## Why one number for all domains can lie
#
# A model that ranks no better than a coin inside every domain can have a pooled AUC of 0.81. To see how, sort the pairs
# of rows: each belongs to a pair of domains, a click of $s$ against a non-click of $t$. Let $A_{st}$ be the AUC of
# these pairs, $\pi_s$ the share of all *clicks* that domain $s$ has and $\nu_t$ the share of all *non-clicks* that
# domain $t$ has. Then, exactly,
#
# $$\mathrm{AUC} = \sum_{s} \sum_{t} \pi_s\, \nu_t\, A_{st}$$


# %%
def take_apart(z, y, domain, n_domains):
    """Weights pi_s nu_t and AUCs A_st, (S, S) each; a pair of domains without a pair of rows has weight 0."""
    clicks, others = (np.bincount(domain[y == k], minlength=n_domains) for k in (1, 0))
    weight = np.outer(clicks / clicks.sum(), others / others.sum())
    A = np.zeros_like(weight)
    for s, t in np.argwhere(weight > 0):
        pair = ((y == 1) & (domain == s)) | ((y == 0) & (domain == t))
        A[s, t] = auc(z[pair], y[pair]).value
    return weight, A


# %% [markdown]
# Now two domains of 1000 rows. In A 60 % of the impressions are clicked, in B 5 %. A model that has learnt *nothing but
# the name of the domain* adds a number to all scores of A, and throws a coin inside. Move what it adds:


# %% tags=["hide-input"]
rng = np.random.default_rng(3)
size, rates = 1000, np.array([0.6, 0.05])
d_toy = np.repeat([0, 1], size)
y_toy = np.concatenate([np.arange(size) < rate * size for rate in rates]).astype(int)
coin = 0.5 * rng.random(2 * size)
added = np.linspace(-0.5, 0.5, 11)
parts = [(f"{b:.1f}", *take_apart(coin + b * (d_toy == 0), y_toy, d_toy, 2)) for b in added]
pooled = [(weight * A).sum() for _, weight, A in parts]
assert np.allclose([pooled[0], pooled[-1]], [0.187, 0.814], atol=0.02)
assert np.isclose(pooled[-1], auc(coin + added[-1] * (d_toy == 0), y_toy).value, atol=1e-12)
assert all(abs(np.diag(A) - 0.5).max() < 0.1 for _, _, A in parts)
areas("added to A", parts, "AB")

# %% [markdown]
# Inside a domain the model ranks like a coin, AUC 0.5, wherever you move it. Pooled it gets from 0.19 to 0.81: a
# clicked row is most likely of A, and a row without a click most likely of B.
#
# Off the diagonal two things mix: how well rows are ranked, and how the domains as a whole stand to each other. Of the
# second, a score can get much by knowing click rates and nothing else. And the model that we trained?

# %% tags=["hide-input"]
weight, A = take_apart(z, y, domain, len(names))
assert np.isclose((weight * A).sum(), measured["overall"]["auc"], atol=1e-12)
within = np.trace(weight)
print(f"share of the pairs that lie inside a domain: {within:.2f}")
print(f"AUC on these pairs: {np.trace(weight * A) / within:.3f},  on all pairs: {measured['overall']['auc']:.3f}")
rate_only = (c_train / n_train)[domain]
print(f"AUC of the domain's click rate as a score: {auc(rate_only, y).value:.3f}")
assert all(auc(rate_only[domain == s], y[domain == s]).value in (0.5, None) for s in range(len(names)))

# %% [markdown]
# The simulated domains have nearly equal click rates, so there is little to be won by knowing them, and the pooled AUC
# is honest. On two weeks of KuaiRand-Pure it is not: 0.718 on all pairs, 0.674 on those inside a tab, and 0.586 for the
# click rate of the tab alone. A good part of what looks like knowledge of people is knowledge of tabs.
#
# ### The better model loses
#
# Model 1 can be better than model 2 in *every* domain and lose pooled. Eight rows, four in each domain:

# %%
d_8 = np.array([0, 0, 0, 0, 1, 1, 1, 1])
y_8 = np.array([1, 1, 1, 0, 1, 0, 0, 0])
model_1 = np.array([0.4, 0.3, 0.2, 0.1, 0.9, 0.8, 0.7, 0.6])  # perfect inside; puts the wrong domain on top
model_2 = np.array([0.9, 0.8, 0.6, 0.7, 0.3, 0.4, 0.2, 0.1])  # a mistake in each domain; the right one on top
assert auc(model_1, y_8).value == 7 / 16
assert auc(model_2, y_8).value == 13 / 16
models = (("1", model_1), ("2", model_2))
areas("model", [(name, *take_apart(score, y_8, d_8, 2)) for name, score in models], "AB", "choice")

# %% [markdown]
# Of the 16 pairs, nine are clicks of A against non-clicks of B, and model 1 loses all nine. This is Simpson's paradox.
# Which model is better depends on the use: a list that is filled inside one domain needs model 1; a list that mixes
# domains needs model 2. The remedy is not another average, but to report the domains, with intervals, beside the pooled
# number.
#
# ### Exercise 6.2
#
# The best possible AUC above used the clicks that happened. Here is a figure that needs none, and is close to its
# expected value when there are many rows. Given true probabilities $p_i$, rows $i$ and $j$ make a pair with $i$ clicked
# and $j$ not with probability $p_i (1 - p_j)$. Write the expected number of pairs that the scores $p$ rank right (a tie
# counts $\tfrac12$) over the expected number of pairs, $i \ne j$.


# %%
def my_best_auc(p):
    ...
    raise NotImplementedError


grade("6.2", my_best_auc)

# %% [markdown]
# ## A bug in the domain's weight
#
# Back to Eq. (7). Suppose somebody switches the loss to `domain_mean`, where a row of domain $s$ weighs $1/N_s$, with
# $N_s$ the rows of $s$ in the batch, and forgets the backward. The loss is right, the plots look right, training goes
# down. The derivative on paper, with $\sigma$ the sigmoid and $w_i$ the weight of row $i$:
#
# $$\frac{\partial L}{\partial z_i} = w_i\, (\sigma(z_i) - y_i), \qquad w_i = \frac{1}{N_s} \ \text{for } i \in B_s$$

# %%
show(bce)


# %%
class ForgetsDomains:
    """The loss with N_s = rows of the domain in the batch, and a backward that divides by the batch."""

    def forward(self, p, z, y, domains):
        value, _ = bce(z, y, row_weights(domains, "domain_mean"))
        return value, (z, y)

    def backward(self, c, dvalue):
        z, y = c
        return dvalue * (sigmoid(z) - y) / len(z), {}  # wrong: 1/B, not 1/N_s


# %% [markdown]
# What will the checker say? Predict it for three batches of twelve rows. The only leaf is `input 0`, the logits (labels
# are whole numbers, so no leaf). First *one domain*, $N_1 = B = 12$:


# %%
def slices(*sizes):
    ends = np.cumsum(sizes)
    return tuple(slice(int(end - n), int(end)) for n, end in zip(sizes, ends, strict=True))


rng = np.random.default_rng(0)
z_12, y_12 = rng.standard_normal(12), rng.integers(0, 2, 12)
catches(ForgetsDomains(), {}, (z_12, y_12, slices(12)), leaves=set())

# %% [markdown]
# The two weights are the same number, and **the bug hides.** Now *three domains of four rows*: every row gets $1/12$
# where it should get $1/4$, wrong by one common factor.

# %% tags=["planted-bug"]
catches(ForgetsDomains(), {}, (z_12, y_12, slices(4, 4, 4)), leaves={"input 0"})

# %% [markdown]
# *Domains of nine, one and two rows*: factors $9/12$, $1/12$, $2/12$, none in common.

# %%
catches(ForgetsDomains(), {}, (z_12, y_12, slices(9, 1, 2)), leaves={"input 0"})

# %% [markdown]
# **A gradient check is as good as the batch it runs on.** The library's own checks use a domain with many rows, one
# with a single row and one that is absent from the batch. The bug would not stop a training run: it would train another
# objective than the one in your paper, with a loss curve of the right values.
#
# ### At length: swapped labels
#
# A second classic: $\sigma(z_i) - (1 - y_i)$ for $\sigma(z_i) - y_i$. Where $y_i = 1$ the right gradient is $w_i
# (\sigma - 1)$ and the wrong one $w_i\, \sigma$: other sign, other size, and for $y_i = 0$ again. No row is right, and
# there is no common factor.


# %% tags=["planted-bug"]
class SwappedLabels:
    def forward(self, p, z, y, domains):
        w = row_weights(domains, "domain_mean")
        return bce(z, y, w)[0], (z, y, w)

    def backward(self, c, dvalue):
        z, y, w = c
        return dvalue * w * (sigmoid(z) - (1 - y)), {}  # wrong: 1 - y is the other label


catches(SwappedLabels(), {}, (z_12, y_12, slices(9, 1, 2)), leaves={"input 0"})

# %% [markdown]
# ### Exercise 6.3
#
# AUC has no gradient: moving a score a little changes no order. A smooth stand-in pays for each pair by how far it is
# from being right, with $n_1$ clicked rows $i$ and $n_0$ other rows $j$:
#
# $$L = \frac{1}{n_1 n_0} \sum_{y_i = 1} \sum_{y_j = 0} \log\left(1 + e^{-(z_i - z_j)}\right)$$
#
# Derive and write its backward: $\partial L / \partial z$, shape (B,), from logits `z` and labels `y` (0 and 1). A pair
# pulls on both of its rows, in opposite directions: what must the entries of the gradient add up to?


# %%
def my_pairwise_backward(z, y):
    ...
    raise NotImplementedError


grade("6.3", my_pairwise_backward)

# %% [markdown]
# ## What to take along
#
# - AUC counts pairs. Ask *which* pairs: inside a user, inside a domain, or between domains.
# - Stop on validation rows; open the test rows once.
# - An AUC without an interval and a gAUC without its share of rows are half a result.
# - The ceiling is not 1.
# - Check gradients on batches with unequal domains.
#
# Next, look inside the model: [See collapse and diversity](07_see_collapse_and_diversity.ipynb).
#
# ## At length: further reading
#
# - J. A. Hanley and B. J. McNeil, *The meaning and use of the area under a receiver operating characteristic (ROC)
#   curve*, 1982. The error bars of the library's `domains.png`, which need only the AUC and two counts.
# - E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, *Comparing the areas under two or more correlated receiver
#   operating characteristic curves: a nonparametric approach*, 1988.
# - E. H. Simpson, *The interpretation of interaction in contingency tables*, 1951.
# - L. Prechelt, *Early stopping – but when?*, 1998.
# - G. Zhou and others, *Deep interest network for click-through rate prediction*, 2018: AUC weighted by user.
# - C. Gao and others, *KuaiRand: an unbiased sequential recommendation dataset with randomly exposed videos*, 2022.
# - In the library: [metrics.py](../croco_np/metrics.py), [kernels/ranking.py](../croco_np/kernels/ranking.py),
#   [losses/bce.py](../croco_np/losses/bce.py), [objective.py](../croco_np/objective.py),
#   [train/loop.py](../croco_np/train/loop.py), and the world behind the simulated clicks,
#   [datasets/aliccp_world.py](../croco_np/datasets/aliccp_world.py).

# %%
work.cleanup()
