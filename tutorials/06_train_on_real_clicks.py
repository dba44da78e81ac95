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
# **What you will do.** Load a click log, look at its domains before any model does, train Crocodile until it stops
# getting better, and measure what it learnt: in each domain, for each user, with an error bar. Then you break the
# measures on purpose: a model that ranks no better than a coin inside every domain gets an AUC of 0.81, and the better
# of two models loses.
#
# **What you will learn.** What a run consists of, and how to read its learning curve. What AUC and gAUC count, pair by
# pair. Why one number for all domains can lie, and how to take it apart so that it cannot. Why the *best possible* AUC
# of a click log is far below 1. What a wrong domain weight in the loss looks like to the gradient checker, and on which
# batches it hides.
#
# **What you need.** Tutorials 1 to 5: a backward pass, the gradient checker, the model and its objective.
#
# **Equations:** Eq. (7)
#
# <!-- links: written by python -m tutorials.publish.equations -->
# - [Eq. (7)](reference/equations.md#eq-7), the training objective:
#   [`Objective`](../croco_np/objective.py#L13), [test by hand](../tests/layers/test_by_hand.py#L99),
#   [in this lesson](#The-run%2C-in-five-lines)
# <!-- end of links -->

# %% [markdown]
# ## Which clicks?
#
# With the files of [KuaiRand](https://kuairand.com) in `data/kuairand`, or in a folder named by the environment
# variable `CROCO_NP_KUAIRAND`, this notebook trains on **real clicks** (two weeks of KuaiRand-Pure take a minute or
# two, all of it longer). Without them it trains on the **simulated** AliCCP, small. The output that comes with this
# notebook is of **SIMULATED DATA**; no number below says anything about real people. The code is the same for both.

# %%
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
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
from croco_np.train.loop import fit
from croco_np.train.trainer import Trainer

croco_np.tune()  # training is faster: idle threads sleep, freed memory is used again (tutorial 9)
np.set_printoptions(precision=4, suppress=True)
plt.rcParams["font.size"] = 10
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#999999"

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
# ## Look before you train
#
# An *impression* is one row: somebody saw an item, and clicked (label 1) or did not (label 0). The rows come in three
# parts. The model learns from `train`, we choose between epochs on `valid`, and `test` is opened once, at the end.
# Every choice made while looking at test figures makes them a little too good.
#
# A *domain* is the place where the impression happened: a tab of the app, a page of the shop. Their sizes and click
# rates are the first thing to know, because they decide which numbers can be trusted later.

# %%
names = splits.schema.domains


def by_domain(rows):
    """Impressions and clicks of each domain."""
    domains, labels = np.asarray(rows.domains), np.asarray(rows.labels)
    return (np.bincount(domains, w, len(names)).astype(int) for w in (None, labels))


print(f"{'':<10}{'train rows':>11}{'valid rows':>11}{'test rows':>10}{'test clicks':>12}{'click rate':>11}")
n_train, c_train = by_domain(splits.train)
n_valid, _ = by_domain(splits.valid)
n_test, c_test = by_domain(splits.test)
for s, name in enumerate(names):
    rate = c_train[s] / n_train[s]
    print(f"{name:<10}{n_train[s]:>11,}{n_valid[s]:>11,}{n_test[s]:>10,}{c_test[s]:>12,}{rate:>11.3f}")
assert n_train.sum() == splits.train.n

# %% [markdown]
# In the simulated log, and in the genuine AliCCP whose shares it copies, domain 2 has 0.75 % of the rows: 225 test rows
# with 13 clicks. Keep that 13 in mind. In KuaiRand the tabs differ in another way: about 9 % of the impressions of tab
# 0 are clicked, and about half of those of tab 1.
#
# A row is a line of small integers, one for each *field* (user, item, shop, age group, ...). Values with fewer than ten
# training rows share id 0, for nothing can be learnt about them. One of the fields is the domain itself.

# %%
schema = splits.schema
print("a row:     ", dict(zip(schema.fields[:5], np.asarray(splits.train.ids[0])[:5].tolist(), strict=True)), "...")
print("fields:    ", len(schema.fields), "of which user, item, domain:", (schema.user, schema.item, schema.domain))
print("vocabulary:", dict(zip(schema.fields[:5], schema.vocabulary[:5], strict=True)), "...")

# %% [markdown]
# ## The run, in five lines
#
# `Config` holds every size and weight. `Trainer` holds what they ask for: a model, an objective and an optimiser, none
# of which changes. What changes is a `State`: parameters, moments of Adam, where training stands. One training step is
# the whole course so far, a line for nearly each tutorial. Three things are new and may be skipped: `catch_up` brings
# rows of tables up to date that Adam left alone (tutorial 9), `own` is the gradient of a loss that has parameters
# itself, and `tracked` are values that a model keeps without training them, such as running means. Ours has neither.

# %%
trainer = Trainer.from_config(config, splits)
state = trainer.start()
show(Trainer.step)

# %% [markdown]
# `self.objective` is Eq. (7). With $B_s$ the rows of domain $s$ of a batch and $z_i$ the logit of row $i$,
#
# $$L = \sum_s \frac{1}{N_s} \sum_{i \in B_s} \mathrm{BCE}(z_i, y_i) + \alpha\, L_{\mathrm{Cov}}$$
#
# The factor $1/N_s$ has three readings in a mini-batch. `row_weights` has them all; the default, `batch_mean`, gives
# every row the weight $1/B$, where $B$ is the number of rows of the batch. We come back to it with a bug.

# %%
show(row_weights)

# %% [markdown]
# `fit` loops over epochs and batches, and keeps everything in a `RunFolder`, so that a run that was interrupted goes on
# bit for bit. The command `python -m croco_np.train` does what the next cell does, then measures and draws. (If an
# epoch takes longer than a few seconds, a line of progress appears now and then.)

# %% tags=["varies"]
folder = RunFolder.new(Path(work.name) / "run", config)
folder.begin(config, splits)
finished = fit(trainer, state, folder, epochs=config.epochs, patience=config.patience)

# %%
assert finished
print("the folder holds", ", ".join(sorted(p.name for p in folder.path.iterdir())))

# %% [markdown]
# ## Read the learning curve
#
# After each epoch `fit` scores the validation rows. If their AUC is the best so far, it keeps a copy of the weights. If
# it was not, `patience` times in a row, training ends. This is *early stopping*: the number of epochs is a size like
# any other, chosen on validation rows, and it is the cheapest guard against learning the training rows by heart.

# %%
history = state.facts["history"]
epochs = [h["epoch"] for h in history]
areas = [h["valid"]["auc"] for h in history]
best = int(np.argmax(areas))


def label(figure):
    if splits.simulated:
        figure.suptitle("SIMULATED DATA", color=ORANGE, fontsize=10)


figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
left.plot(epochs, [h["bce"] for h in history], "o-", color=BLUE, label="training")
left.plot(epochs, [h["valid"]["logloss"] for h in history], "s--", color=ORANGE, label="validation")
left.set(xlabel="epoch", ylabel="cross-entropy (nats a row)")
left.legend(frameon=False)
right.plot(epochs, areas, "s--", color=ORANGE, label="validation")
right.plot(epochs[best], areas[best], "o", ms=14, mfc="none", color=GREEN, label="best: weights are kept")
right.set(xlabel="epoch", ylabel="AUC, all domains")
right.legend(frameon=False)
for axis in (left, right):
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.spines[["top", "right"]].set_visible(False)
label(figure)

assert state.facts["best_epoch"] == epochs[best]
if splits.simulated:  # what the text below says
    assert np.all(np.diff([h["bce"] for h in history]) < 0)
    assert history[0]["bce"] > history[0]["valid"]["logloss"]
    assert history[-1]["valid"]["logloss"] > min(h["valid"]["logloss"] for h in history)
print("epochs run:", len(history), " best epoch:", epochs[best], " best validation AUC:", f"{areas[best]:.3f}")

# %% [markdown]
# The left panel shows cross-entropy by epoch: the blue line (training) keeps falling, the orange one (validation) falls
# and then stays level or rises. The right panel shows validation AUC, with a green ring around the epoch whose weights
# are kept.
#
# Two things to see. Training loss does not tell you when to stop: it goes on falling while validation no longer does.
# (It starts above validation because it is the mean over an epoch in which the model was still learning.) And the two
# panels need not agree on the best epoch: cross-entropy asks whether the *probabilities* are right, AUC only whether
# the *order* is.

# %% [markdown]
# ## AUC, pair by pair
#
# Take every pair of a clicked row and a row that was not clicked. **AUC is the share of these pairs in which the
# clicked row has the higher score**, a tie counting one half. Four rows, on the blackboard:
#
# | row | score | clicked? |
# |---|---|---|
# | a | 0.9 | yes |
# | b | 0.6 | no |
# | c | 0.5 | yes |
# | d | 0.5 | no |
#
# There are $2 \times 2$ pairs: a over b is right, a over d is right, c over b is wrong, and c with d is a tie. Hence
# $\mathrm{AUC} = (1 + 1 + 0 + \tfrac12) / 4 = 0.625$. With $n_1$ clicked rows $i$ and $n_0$ others $j$,
#
# $$\mathrm{AUC} = \frac{1}{n_1 n_0} \sum_{y_i = 1} \sum_{y_j = 0} \left( [z_i > z_j] + \tfrac12 [z_i = z_j] \right)$$
#
# where $[\cdot]$ is 1 if the bracket is true and 0 otherwise. Only the order of the scores counts: logits and
# probabilities have the same AUC. And the mix of classes drops out: half of the non-clicks fewer, drawn at random, and
# the AUC stays the same up to noise.

# %%
four = auc(np.array([0.9, 0.6, 0.5, 0.5]), np.array([1, 0, 1, 0]))
print(four.value)
assert four.value == 0.625
show(auc)

# %% [markdown]
# The library does not visit all pairs, of which a million rows would have billions. It sorts both classes and looks
# each clicked row up among the others.
#
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
# ## How sure is an AUC?
#
# An AUC of 13 clicks is a mean over $13 \times 212$ pairs, and yet it knows little more than 13 things. Give each row
# its own share of right pairs: $V_i$, the share of non-clicks under clicked row $i$, and $W_j$, the share of clicks
# over row $j$. Then AUC is the mean of the $V_i$ and also the mean of the $W_j$, and for independent rows its variance
# is close to
#
# $$\mathrm{Var}(\mathrm{AUC}) \approx \frac{\mathrm{Var}(V)}{n_1} + \frac{\mathrm{Var}(W)}{n_0}$$
#
# (DeLong and others, 1988). The rarer class decides. A 95 % interval reaches 1.96 standard errors to either side. For
# the gAUC of the next section, whose units are users, we draw the users again with replacement, 500 times, and take the
# middle 95 % of the results (a *bootstrap*).


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


rng = np.random.default_rng(0)
y_toy = np.repeat([1, 0], [13, 212])
draws = [rng.standard_normal(225) + y_toy for _ in range(1000)]  # true AUC: P(N(1, 2) > 0) = 0.76
spread = np.std([auc(z, y_toy).value for z in draws])
said = np.mean([auc_error(z, y_toy) for z in draws])
print(f"13 clicks among 225 rows: AUC varies by {spread:.3f}; the formula says {said:.3f}")
assert abs(said / spread - 1) < 0.15

# %% [markdown]
# So with 13 clicks an AUC of 0.76 is good for $0.76 \pm 0.13$. A table of four digits for such a domain is a table of
# noise, and two models that differ by 0.01 there cannot be told apart by it.
#
# ## gAUC: inside each user
#
# A list is shown to *one* user. Whether user A's clicked items score above user B's skipped ones never matters to
# anybody. gAUC keeps only the pairs inside a user $u$ and weighs each user by the number of impressions $n_u$:
#
# $$\mathrm{gAUC} = \frac{\sum_u n_u\, \mathrm{AUC}_u}{\sum_u n_u}$$
#
# A user who clicked everything, or nothing, has no pair, hence no $\mathrm{AUC}_u$, and is **left out of both sums**.
# So gAUC always comes with a second number: the share of rows it covers.

# %%
scores = np.array([0.9, 0.1, 0.8, 0.7, 0.3, 0.2, 0.4])
labels = np.array([1, 0, 0, 1, 0, 0, 1])
users = np.array([7, 7, 8, 8, 8, 9, 10])  # user 9 clicked nothing, user 10 everything
found = gauc(scores, labels, users)
print(f"gAUC {found.value:.1f}, of {found.share:.0%} of the rows")
by_hand = (2 * 1.0 + 3 * 0.5) / (2 + 3)  # user 7: one pair, right; user 8: two pairs, one right; 9 and 10: no pair
assert gauc(scores, labels, users).value == by_hand
assert gauc(scores, labels, users).share == 5 / 7

# %% [markdown]
# ## The result, domain by domain
#
# Now the test rows, once. For simulated data we also know the true click probability of every row, and with it the
# **best possible AUC**, that of the true probabilities themselves. No model can do better, but by luck: if the true
# probability of row $i$ is the higher one, putting $i$ on top is right more often than wrong. It is not 1, since a
# click of probability 0.3 is a coin throw whose outcome nobody can know. On real clicks there is such a bound as well;
# it is unknown.

# %%
z = trainer.predictor(state.best).logits(splits.test)
y, domain, user = (np.asarray(a) for a in (splits.test.labels, splits.test.domains, splits.test.users))
measured = evaluate_domains(z, splits.test, names)
truth = None if splits.truth is None else np.asarray(splits.truth)


def gauc_interval(z, y, user):
    _, group = np.unique(user, return_inverse=True)
    n1, n, pairs = right_pairs(z, y.astype(bool), group, group.max() + 1)
    both = (n1 > 0) & (n1 < n)
    n1, n, pairs = n1[both], n[both], pairs[both]
    return len(n), *bootstrap(n * pairs / (n1 * (n - n1)), n, np.random.default_rng(1))


def text(value, form):
    return "-" if value is None or not np.isfinite(value) else format(value, form)


table = {}
print(f"{'':<10}{'clicks':>7}{'AUC':>7}{'95 %':>15}{'best':>7}{'gAUC':>8}{'95 %':>15}{'users':>7}{'rows left out':>15}")
for name, m in [*measured["domains"].items(), ("pooled", measured["overall"])]:
    own = np.full(len(y), True) if name == "pooled" else domain == names.index(name)
    half = 1.96 * auc_error(z[own], y[own])
    used, low, high = gauc_interval(z[own], y[own], user[own])
    bound = None if truth is None else auc(truth[own], y[own]).value
    table[name] = m["auc"], half, bound, used
    a, g = ("-" if np.isnan(x) else f"{x:.2f} to {w:.2f}" for x, w in ((m["auc"] - half, m["auc"] + half), (low, high)))
    numbers = f"{text(m['auc'], '.3f'):>7}{a:>15}{text(bound, '.3f'):>7}{text(m['gauc'], '.3f'):>8}{g:>15}{used:>7}"
    print(f"{name:<10}{m['positives']:>7,}{numbers}{1 - m['gauc_rows_share']:>15.0%}")
print("SIMULATED DATA" if splits.simulated else "REAL CLICKS")
assert not splits.simulated or table["domain 2"][-1] == 3

# %%
figure, axis = plt.subplots(figsize=(7, 1.5 + 0.5 * len(table)), layout="constrained")
for k, (value, half, bound, _) in enumerate(table.values()):
    axis.errorbar(value, k, xerr=half, fmt="o", color=BLUE, capsize=4, label=None if k else "test AUC, 95 % interval")
    if bound is not None:
        axis.plot(bound, k, "|", ms=16, mew=3, color=ORANGE, label=None if k else "best possible")
axis.axvline(0.5, color=GREY, ls=":", label="chance")
axis.set_yticks(range(len(table)), table)
axis.set(xlabel="AUC on the test rows", ylim=(len(table) - 0.5, -0.5))
axis.spines[["top", "right"]].set_visible(False)
figure.legend(loc="outside lower center", ncols=3, frameon=False)
label(figure)

# %% [markdown]
# Each line is a domain, the last one all rows pooled: a blue dot for the AUC with its 95 % interval, an orange bar for
# the best possible one where it is known. In the simulated run the interval of domain 2 is many times wider than the
# differences between models that papers usually report, 0.001 to 0.01. The orange bar of domain 2 is drawn from the
# same 13 clicks and jumps about with them, so that with other test rows the model may well seem to beat it.
#
# The AUC intervals take rows for independent. Rows of one user are not, so the truth is wider, and much wider where few
# users hold all rows. The gAUC intervals draw users, and need many of them. So look at the gAUC of domain 2 with
# suspicion: its 225 simulated rows belong to **three** users. Drawing three users again can only give ten different
# mixtures of them; an interval of that is none.
#
# Users without both classes are few here, for the simulator gives each user many rows. In two weeks of KuaiRand-Pure
# gAUC covers about half of the rows overall and of 4 % in tab 6; there, the number that everybody quotes is about
# the other rows.

# %% [markdown]
# ## Why one number for all domains can lie
#
# Two domains of 1000 rows. In A 60 % of the impressions are clicked, in B 5 %. A model that has learnt *nothing but the
# name of the domain* scores every row of A 1 and every row of B 0, plus a coin throw. Inside a domain it ranks like a
# coin: AUC 0.5. Pooled, a clicked row is most likely of A, and a row without a click most likely of B:

# %%
rng = np.random.default_rng(3)
size, rates = 1000, np.array([0.6, 0.05])
d_toy = np.repeat([0, 1], size)
y_toy = np.concatenate([np.arange(size) < rate * size for rate in rates]).astype(int)
z_toy = (d_toy == 0) + 0.5 * rng.random(2 * size)

inside = [auc(z_toy[d_toy == s], y_toy[d_toy == s]).value for s in (0, 1)]
pooled = auc(z_toy, y_toy).value
print(f"AUC inside A {inside[0]:.2f}, inside B {inside[1]:.2f}, pooled {pooled:.2f}")

# %% [markdown]
# The pooled number can be taken apart exactly. Let $\pi_s$ be the share of all *clicks* that domain $s$ has, $\nu_t$
# the share of all *non-clicks* that domain $t$ has, and $A_{st}$ the AUC of the clicks of $s$ against the non-clicks of
# $t$. Each pair of rows belongs to one pair of domains, so
#
# $$\mathrm{AUC} = \sum_{s} \sum_{t} \pi_s\, \nu_t\, A_{st}$$
#
# The diagonal $A_{ss}$ is the AUC inside a domain. Off the diagonal two things mix: how well rows are ranked, and how
# the domains as a whole stand to each other. Of the second, a score can get much by knowing click rates and nothing
# else. With $A_{AA} = A_{BB} = \tfrac12$, $A_{AB} = 1$, $A_{BA} = 0$ and the shares of our
# example, $\pi_A = 600/650$ and $\nu_B = 950/1350$:
#
# $$\mathrm{AUC} = \pi_A \nu_B + \tfrac12 (\pi_A \nu_A + \pi_B \nu_B) = 0.650 + 0.164 = 0.814$$


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


weight, A = take_apart(z_toy, y_toy, d_toy, 2)
print("weights\n", weight, "\nA_st\n", A)
assert np.isclose((weight * A).sum(), pooled, atol=1e-12)
assert abs(pooled - 0.814) < 0.02
assert max(abs(a - 0.5) for a in inside) < 0.1

# %% [markdown]
# And the model that we trained? The same law, on its test rows, and beside it a "model" that knows click rates of
# domains and nothing else.

# %%
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
# is honest. On real clicks it is not: this notebook, run on two weeks of KuaiRand-Pure, gives 0.719 on all pairs and
# 0.674 on the pairs inside a tab, and the click rate of the tab alone has an AUC of 0.586. A good part of what looks
# like knowledge of people is knowledge of tabs.
#
# ### The better model loses
#
# It gets worse: model 1 can be better than model 2 in *every* domain and lose pooled. Eight rows, four in each domain:

# %%
d_8 = np.array([0, 0, 0, 0, 1, 1, 1, 1])
y_8 = np.array([1, 1, 1, 0, 1, 0, 0, 0])
model_1 = np.array([0.4, 0.3, 0.2, 0.1, 0.9, 0.8, 0.7, 0.6])  # perfect inside; puts the wrong domain on top
model_2 = np.array([0.9, 0.8, 0.6, 0.7, 0.3, 0.4, 0.2, 0.1])  # a mistake in each domain; the right one on top
for name, score in (("model 1", model_1), ("model 2", model_2)):
    inside = [auc(score[d_8 == s], y_8[d_8 == s]).value for s in (0, 1)]
    print(f"{name}: inside the domains {inside[0]:.2f} and {inside[1]:.2f}, pooled {auc(score, y_8).value:.2f}")
assert auc(model_1, y_8).value == 7 / 16
assert auc(model_2, y_8).value == 13 / 16

# %% [markdown]
# Count it on paper: of the 16 pairs, nine are clicks of the first domain against non-clicks of the second. Model 1
# loses all nine. This is Simpson's paradox. Which model is better depends on the use: a list that is filled inside one
# domain needs model 1; a list that mixes domains needs model 2. The remedy is not another average. It is to report the
# domains, with intervals, and the pooled number beside them.
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
# Back to Eq. (7). Suppose somebody switches the loss to `domain_mean`, where a row of domain $s$ weighs $1/N_s$, and
# forgets the backward. The value is right, the plots look right, training goes down. The derivative on paper, with
# $\sigma$ the sigmoid and $w_i$ the weight of row $i$:
#
# $$\frac{\partial L}{\partial z_i} = w_i\, (\sigma(z_i) - y_i), \qquad w_i = \frac{1}{N_s} \ \text{for } i \in B_s$$

# %%
show(bce)


# %%
class ForgotTheDomainMean:
    """The loss with N_s = rows of the domain in the batch, and a backward that divides by the batch."""

    def forward(self, p, z, y, domains):
        value, _ = bce(z, y, row_weights(domains, "domain_mean"))
        return value, (z, y)

    def backward(self, c, dvalue):
        z, y = c
        return dvalue * (sigmoid(z) - y) / len(z), {}  # wrong: 1/B, not 1/N_s


# %% [markdown]
# What will the checker say? That depends on the batch, so predict for three of them, twelve rows each. The only leaf is
# `input 0`, the logits (labels are whole numbers, so no leaf).
#
# 1. *One domain*, $N_1 = B = 12$: the two weights are the same number. **Nothing is wrong, and the bug hides.**
# 2. *Three domains of four rows*: every row gets $1/12$ where it should get $1/4$. Wrong everywhere by one common
#    factor, and the hint should name it: $1/3$.
# 3. *Domains of nine, one and two rows*: factors $9/12$, $1/12$, $2/12$. Wrong, by no common factor.


# %% tags=["planted-bug"]
def slices(*sizes):
    ends = np.cumsum(sizes)
    return tuple(slice(int(end - n), int(end)) for n, end in zip(sizes, ends, strict=True))


rng = np.random.default_rng(0)
z_12, y_12 = rng.standard_normal(12), rng.integers(0, 2, 12)
for sizes, wrong in (((12,), set()), ((4, 4, 4), {"input 0"}), ((9, 1, 2), {"input 0"})):
    print("domains of", *sizes, "rows")
    catches(ForgotTheDomainMean(), {}, (z_12, y_12, slices(*sizes)), leaves=wrong)
    print()

# %% [markdown]
# As predicted. The lesson is about batches, not about losses: **a gradient check is as good as the batch it runs on.**
# The library's own checks use a domain with many rows, one with a single row and one that is absent from the batch.
#
# A second classic, the labels swapped: $\sigma(z_i) - (1 - y_i)$ for $\sigma(z_i) - y_i$. Where $y_i = 1$ the right
# gradient is $w_i (\sigma - 1)$ and the wrong one $w_i\, \sigma$: other sign, other size, and for $y_i = 0$ again. No
# row is right, and there is no common factor.


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
# The first bug would not stop a training run. It would train another objective than the one in your paper, with a loss
# curve of the right values. Only a comparison of backward with forward finds it.
#
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
# - Look at rows, clicks and users of each domain first; they decide what can be known.
# - Stop on validation rows; open the test rows once.
# - AUC counts pairs. Ask *which* pairs: inside a user, inside a domain, or between domains.
# - An AUC without an interval and a gAUC without its share of rows are half a result.
# - The ceiling is not 1.
# - Check gradients on batches with unequal domains.
#
# ## Further reading
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
#
# The model ranks well. What is inside it? In the next tutorial we open its tables and experts: [See collapse and
# diversity](07_see_collapse_and_diversity.ipynb).

# %%
work.cleanup()
