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
# # 5. Put Crocodile together
#
# **What you will do.** Follow one training step through the model of Fig. 3, forward and backward, with numbers; weigh
# the domains of a batch in three ways; take ten steps; check the whole model, and find three bugs in it.
#
# **What you will learn.** To read a model as a graph and to write its backward from the picture; what to do where two
# roads meet; what a mean over domains costs.
#
# **What you need.** Tutorials [1](01_differentiate_one_layer.ipynb), [2](02_look_up_and_sum.ipynb),
# [3](03_mix_experts_with_a_gate.ipynb) and [4](04_disentangle_experts.ipynb).
#
# **Equations:** Eq. (4), Eq. (7), Fig. 3
#
# <!-- links: written by python -m tutorials.publish.equations -->
# - [Eq. (4)](reference/equations.md#eq-4):
#   [`Experts`](../croco_np/layers/experts.py#L83), [test by hand](../tests/layers/test_by_hand.py#L38),
#   [in this lesson](#Fig.-3-as-a-graph)
# - [Eq. (7)](reference/equations.md#eq-7):
#   [`Objective`](../croco_np/objective.py#L13), [test by hand](../tests/layers/test_by_hand.py#L101),
#   [in this lesson](#Eq.-%287%29%3A-how-much-does-a-row-count%3F)
# - [Fig. 3](reference/equations.md#fig-3):
#   [`Crocodile`](../croco_np/models/crocodile.py#L31), [test](../tests/test_golden.py#L63),
#   [in this lesson](#Fig.-3-as-a-graph)
# <!-- end of links -->

# %% tags=["hide-input"]
import numpy as np

import croco_np
from croco_np.batch import make_batch
from croco_np.datasets.splits import Rows, Schema
from croco_np.gradcheck import assert_ok, check
from croco_np.gradcheck.cases import Training
from croco_np.losses import bce, covariance, row_weights
from croco_np.models import Crocodile, Output
from croco_np.objective import Objective
from croco_np.optim import Adam
from croco_np.teaching import catches, grade, show
from croco_np.teaching.pictures import chart, crocodile_steps
from croco_np.teaching.pictures.example import example
from croco_np.teaching.pictures.lesson05 import two_trees, weighted_rows
from croco_np.tree import RowGrad, count, flatten, tree_map

croco_np.tune()  # training is faster: idle threads sleep, freed memory is used again (tutorial 9)
np.set_printoptions(precision=4, suppress=True)

# %% [markdown]
# ## Fig. 3 as a graph
#
# The whole model, small enough to be read: three experts, two domains, a batch of three rows of domain 0 and one of
# domain 1. Step through one training step. Values go up (orange), gradients come down (blue); a click on a box opens
# its parameters, its derivation and its lines.

# %% tags=["hide-input"]
crocodile_steps()

# %% [markdown]
# Grey squares are the leaves, arrays of parameters; numbers on the roads count experts (0, 1, 2) or domains (0, 1). For
# B rows, F columns of ids, M tables and experts, embeddings of width E, K outputs of an expert and a prior embedding of
# P numbers:
#
# 1. **Embeddings**, Eq. (3): table m gives expert m its own view $x_m$ of the row, F E numbers.
# 2. **Experts**, Eq. (4): $o_m = \mathrm{MLP}_m(x_m)$, a ReLU after every layer, the last too; all domains share them.
# 3. **Prior**, Eq. (9): other, smaller tables for user, item and domain give $e$.
# 4. **Gates**, Eqs. (8) and (10): $e$ decides how the outputs are mixed into $h$; one gate for each domain.
# 5. **Towers**, Eq. (5): $h$ becomes one logit $z$; one tower for each domain.
# 6. **Loss**, Eq. (7): cross-entropy looks at $z$, CovLoss at $o$.
#
# Roads light up for the whole batch, of which the numbers show one row. (In step 12 two rows of table 0 get zeros: only
# the last row of the batch looked them up, and there both ReLUs of expert 0 are off.)
#
# Two rules turn the picture into code:
#
# * **Backward is the picture upside down:** a layer hands its gradients to those it got its inputs from.
# * **Where a value forks, gradients add.** $o$ goes to the gates *and* to CovLoss (step 11 of the picture). Moving $o$
#   moves L by both roads, so $do = do_{gates} + \alpha \, do_{CovLoss}$. This is the only fork:
#   $e$ has two roads to the gates, but a row takes only the one of its domain.
#
# Here is the way up, five lines. It ends in an `Output`, a tuple of what a loss may read (`logits`, `experts`,
# `gates`). The gradients come back in the same form, with `None` where no loss reads.

# %%
show(Crocodile.forward)

# %% [markdown]
# This is the *definition*; the way down you will write yourself. Training runs its twin, `FusedCrocodile`, which stands
# under it in the same file: the same parameters and gradients with fewer multiplications (tutorial 2 derives how,
# tutorial 9 measures it).
#
# ## Two trees
#
# Parameters are a **tree**: a dict has parts by name, a list has parts in a row (layers, or one part for each domain),
# and the leaves are arrays. Names and places, joined by dots, are a leaf's *path*, by which reports call it. Backward
# returns the same tree with a gradient in the place of every array; of a table, only the rows that were used. Point at
# a line.

# %% tags=["hide-input"]
small, small_objective, small_params, small_batch = example()
small_out, small_cache = small.forward(small_params, small_batch)
two_trees(small_params, small.backward(small_cache, small_objective(small_out, small_batch)[1]))

# %% [markdown]
# ## Data with a planted truth
#
# To train and to break, we take a larger one. Twenty users, fifteen items of four categories, three domains: a large
# one (70 % of the rows), a middle one (27 %) and a rare one (3 %). Users and items have hidden vectors, and a click is
# likely where these agree. In the rare domain the taste is turned around: what is liked elsewhere is disliked there.

# %% tags=["hide-input"]
rng = np.random.default_rng(0)
schema = Schema(
    fields=("user", "item", "category", "domain"),
    vocabulary=(21, 16, 5, 4),  # id 0 of each field stands for rare values
    user="user",
    item="item",
    domain="domain",
    domains=("large", "middle", "rare"),
)
N, shares = 20_000, (0.70, 0.27, 0.03)
user, item, domain = rng.integers(0, 20, N), rng.integers(0, 15, N), rng.choice(3, N, p=shares)
user_vectors, item_vectors = rng.standard_normal((20, 3)), rng.standard_normal((15, 3))
taste = (user_vectors[user] * item_vectors[item]).sum(axis=1) * np.array([1, 1, -1])[domain]
labels = (rng.random(N) < 1 / (1 + np.exp(-taste))).astype(np.uint8)
ids = np.stack([user, item, item % 4, domain], axis=1).astype(np.int32) + 1
rows = Rows(ids, labels, domain.astype(np.uint8), user.astype(np.int64))

batch, _ = make_batch(rows, np.arange(64), schema)
print("rows of each domain in a batch of 64:", [s.stop - s.start for s in batch.domains])

# %% [markdown]
# `make_batch` sorts the rows it takes by domain, and returns the batch and that order. The rare domain is absent from
# these 64 rows, as it will be from one such batch in seven ($0.97^{64} = 0.14$). Its slice is empty, its gate and tower
# get a gradient of 0, and no line of code has to ask.

# %%
sizes = {"n_experts": 3, "embedding_width": 4, "embedding_std": 0.3, "expert_sizes": (8, 6), "tower_sizes": (5,)}
sizes |= {"prior_width": 2, "gate": "element"}
model = Crocodile.build(schema, **sizes)
params = model.init(np.random.default_rng(1))
print(f"{count(params)} parameters")

# %% [markdown]
# ## One step, every shape
#
# Upwards, layer by layer, B = 64, F = 4, M = 3, E = 4, K = 6, P = 3 · 2:

# %%
x, c_embeddings = model.embeddings.forward(params["embeddings"], batch.ids)
o, c_experts = model.experts.forward(params["experts"], x)
e, c_prior = model.prior.forward(params["prior"], batch.prior_ids)
(h, g), c_gates = model.gates.forward(params["gates"], batch.domains, e[:, 0], o)
z, c_towers = model.towers.forward(params["towers"], batch.domains, h)

alpha = 1e-3
weights = np.full(64, 1 / 64)  # the mean over rows; more on this below
fit, dz = bce(z[:, 0], batch.labels, weights)
cov, do_cov = covariance(o)
for name, value in {"x": x, "o": o, "e": e[:, 0], "g": g, "h": h, "z": z[:, 0]}.items():
    print(f"{name}   {value.shape}")
print(f"cross-entropy {fit:.4f}, CovLoss {cov:.2f}, L = {fit + alpha * cov:.4f}")

# %% [markdown]
# The way down begins at the loss. For a row with label $y$ and $p = \mathrm{sigmoid}(z)$ it is
# $\mathrm{BCE} = -y \ln p - (1 - y) \ln (1 - p)$. With $p' = p (1 - p)$,
#
# $$ dz = -y (1 - p) + (1 - y) \, p = p - y, $$
#
# times the weight of the row. From there, the same lines in reverse:

# %%
p = 1 / (1 + np.exp(-z[:, 0]))
assert np.allclose(dz, weights * (p - batch.labels))

dh, g_towers = model.towers.backward(c_towers, dz[:, None])
(de, do_gates), g_gates = model.gates.backward(c_gates, (dh, None))
_, g_prior = model.prior.backward(c_prior, de[:, None])
do = do_gates + alpha * do_cov  # two roads meet
dx, g_experts = model.experts.backward(c_experts, do)
_, g_embeddings = model.embeddings.backward(c_embeddings, dx)
gradients = {"dz": dz, "dh": dh, "de": de, "do": do, "dx": dx}
for name, value in gradients.items():
    print(f"{name}  {value.shape}")
for gradient, value in ((dz, z[:, 0]), (dh, h), (de, e[:, 0]), (do, o), (dx, x)):
    assert gradient.shape == value.shape  # proof-reading by shapes

# %% [markdown]
# The library's own backward, called with an `Output` of gradients, gives the same at every leaf:

# %% tags=["hide-input"]
out, cache = model.forward(params, batch)
grads = model.backward(cache, Output(dz, experts=alpha * do_cov))
by_hand = {"embeddings": g_embeddings, "experts": g_experts, "prior": g_prior, "gates": g_gates, "towers": g_towers}


def dense(grads):
    """{path: array}, the gradients of tables as full arrays."""
    shapes = {path: w.shape for path, w in flatten(params).items()}
    return {p: v.dense(shapes[p]) if isinstance(v, RowGrad) else v for p, v in flatten(grads).items()}


ours, theirs = dense(by_hand), dense(grads)
assert ours.keys() == theirs.keys() == flatten(params).keys()
for path in ours:
    assert np.allclose(ours[path], theirs[path], rtol=0, atol=1e-14), path
print(f"{len(ours)} leaves agree")

# %% [markdown]
# ### Two roads meet
#
# Gradients add because backward is *linear* in what comes from above. Send down only the cross-entropy, then only
# CovLoss, and add: the result is that of both at once. The first road reaches all layers. The second reaches only what
# lies below the experts' outputs; towers, gates and prior get nothing from it.

# %%
nothing = np.zeros_like(dz)
tower_road = dense(model.backward(cache, Output(dz)))
cov_road = dense(model.backward(cache, Output(nothing, experts=alpha * do_cov)))
for path in theirs:
    assert np.allclose(tower_road[path] + cov_road[path], theirs[path], rtol=0, atol=1e-14)
print("CovLoss reaches:", sorted(path for path, v in cov_road.items() if v.any()))
assert {path.split(".")[0] for path, v in cov_road.items() if v.any()} == {"embeddings", "experts"}

# %% [markdown]
# **Exercise 5.1.** Write the backward of the whole model yourself. `model.towers`, `model.gates`, `model.prior`,
# `model.experts` and `model.embeddings` are its layers, `c.towers`, `c.gates`, `c.prior`, `c.experts` and
# `c.embeddings` their caches. `d.logits` is `(B,)`, `d.experts` is `(B, M, K)` or `None`, `d.gates` is the gradient of
# the shares or `None` (hand it to the gates as it is). Return the gradients as a dict with the keys embeddings,
# experts, prior, gates, towers. All calls stand in the step above; new are the `None`s, the shapes of `d` and the form
# of the result. The towers put out `(B, 1)` and the prior `(B, 1, P)`, so their gradients have these shapes.


# %%
def my_backward(model, c, d):
    raise NotImplementedError


grade("5.1", my_backward)

# %% [markdown]
# ### At length: the library's lines
#
# `merge` adds two gradients, or hands on the first where there is no second.

# %%
show(Crocodile.backward)

# %% [markdown]
# ## Eq. (7): how much does a row count?
#
# The objective of the paper is
#
# $$ L = \sum_s \frac{1}{N_s} \sum_{i \in s} \mathrm{BCE}_i + \alpha \, L_{Cov} $$
#
# with $\mathrm{BCE}_i$ the cross-entropy of row i and $N_s$ the number of rows of domain s. In a mini-batch that can
# mean three things:
#
# | reading | weight of a row | sum of the weights |
# |---|---|---|
# | `batch_mean` | $1 / B$: every row alike, a domain counts by its size | 1 |
# | `domain_mean` | $1 / n_s$, with $n_s$ the rows of s in the *batch*: each domain has the same say | domains present |
# | `dataset_mean` | $1 / N_s$ over the *data set*, times $N / B$: the same say on average | domains, on average |
#
# So L is on another scale under the last two; to compare, look at shares. The area of a square is the weight of its
# row. The data set has 90 % of its rows in domain X and 10 % in Y. Make Y rare in the batch, then absent.

# %% tags=["hide-input"]
weighted_rows()

# %% [markdown]
# A batch without any Y looks best under `domain_mean`, worth all of its 64 rows. But Y's term is gone, and no other
# batch makes up for it; under `dataset_mean` those with much Y do. Three rows of X and one of Y, from a data set of 90
# and 10:

# %%
four = (slice(0, 3), slice(3, 4))
for reading in ("batch_mean", "domain_mean", "dataset_mean"):
    print(f"{reading:<13}", row_weights(four, reading, (90, 10)))
assert np.allclose(row_weights(four, "domain_mean"), [1 / 3, 1 / 3, 1 / 3, 1])
assert np.allclose(row_weights(four, "dataset_mean", (90, 10)), [25 / 90] * 3 + [25 / 10])

# %% [markdown]
# **Exercise 5.2.** Write the weights of `domain_mean`: from the slices `domains` return an array `(B,)`. Some domains
# may be absent: their slices are empty.


# %%
def my_domain_mean(domains):
    raise NotImplementedError


grade("5.2", my_domain_mean)

# %% [markdown]
# ### The price: noise
#
# A gradient from a batch is a weighted sum of row gradients, and rows are drawn at random. If every row gradient has
# the same variance $\sigma^2$, the sum has variance $\sigma^2 \sum_i w_i^2$. Scale the weights so that they add up
# to 1; then equal weights over n rows give $\sigma^2 / n$. Any other weights are as noisy as an equal mean over
#
# $$ n_{eff} = \frac{(\sum_i w_i)^2}{\sum_i w_i^2} $$
#
# rows, the **effective number of rows**: the lowest bar of the picture. In a batch of 256 with our shares, some
# 179 + 69 + 8 rows, `domain_mean` has $\sum w = 3$ and $\sum w^2 = 1/179 + 1/69 + 1/8$:


# %%
def effective_rows(w):
    return w.sum() ** 2 / (w**2).sum()


typical = (slice(0, 179), slice(179, 248), slice(248, 256))
n_eff = effective_rows(row_weights(typical, "domain_mean"))
print(f"domain_mean: {n_eff:.0f} effective rows of 256, so the variance is multiplied by {256 / n_eff:.1f}")
assert np.isclose(effective_rows(row_weights(typical, "batch_mean")), 256)
assert np.isclose(n_eff, 9 / (1 / 179 + 1 / 69 + 1 / 8))

# %% [markdown]
# Eight rows speak for a third of the objective, and 256 rows are worth 62. On real clicks the mean over rows was better
# by about 0.004 in AUC ([Eq. (7), measured](reference/choices.md#eq-7-measured): means of two seeds, too few to give a
# spread), and so it is the default. The literal readings are one flag of `python -m croco_np.train` away
# (`--reduction`): what is to be optimised is not settled by noise alone. Who cares for the rare domain as much as for
# the large one may pay the price.
#
# **Exercise 5.3.** Batch of 100 rows, two domains, `domain_mean`. What is the *smallest* number of rows that the rare
# domain must have for the 100 to be worth at least 50? Set `my_rows` to that integer.

# %%
my_rows = ...
grade("5.3", my_rows)

# %% [markdown]
# ### At length: is that what happens to a real gradient?
#
# Draw 200 batches, compute the gradient of the experts' first weights under each reading (cross-entropy only,
# divided by the sum of the weights), and measure its variance over the batches. The formula assumed row gradients of
# one size, so all domains get the gate and the tower of domain 0 for now.

# %%
counts = tuple(np.bincount(domain).tolist())
readings = ("batch_mean", "domain_mean", "dataset_mean")


def relative_noise(params, n_batches=200):
    """Variance of a gradient over batches of 256 rows under each reading, divided by that under batch_mean."""
    rng = np.random.default_rng(2)
    drawn = {reading: [] for reading in readings}
    for _ in range(n_batches):
        some, _ = make_batch(rows, rng.choice(N, 256, replace=False), schema)
        out, cache = model.forward(params, some)
        for reading in readings:
            w = row_weights(some.domains, reading, counts)
            _, dlogits = bce(out.logits, some.labels, w / (1 if reading == "batch_mean" else 3))
            drawn[reading].append(model.backward(cache, Output(dlogits))["experts"][0]["W"].ravel())
    noise = {reading: np.var(np.array(gs), axis=0).sum() for reading, gs in drawn.items()}
    return {reading: value / noise["batch_mean"] for reading, value in noise.items()}


alike = params | {name: [params[name][0]] * 3 for name in ("gates", "towers")}
noise, noise_of_own = relative_noise(alike), relative_noise(params)
for reading in readings:
    print(
        f"{reading:<13} gates and towers alike: {noise[reading]:.1f}   each domain its own: {noise_of_own[reading]:.1f}"
    )
assert abs(noise["domain_mean"] - 3.5) < 0.1
assert 2.5 < noise["dataset_mean"] < noise["domain_mean"] < 256 / n_eff

# %% [markdown]
# With gates and towers alike the variance grows 3.5-fold where the formula says 4.1: its premise, row gradients of one
# size, is nearly met. `dataset_mean` is a little calmer than `domain_mean`, whose $1 / n_s$ runs away in batches with
# three or four rare rows. In the last column the premise fails: the rare domain's own tower, as it happened to be
# drawn, sends down smaller gradients than the others, and so a smaller variance. The effective number of rows is a rule
# for what to expect, not a law.

# %% tags=["hide-input"]
label = (
    "three bars, the variance of the gradient relative to batch_mean, which is 1: that of domain_mean ends a little "
    "short of its prediction, a dashed line; that of dataset_mean is shorter still"
)
with chart(label, 2.2) as picture:
    axis = picture.axes()
    axis.barh(["batch", "domain", "dataset"], [noise[r] for r in readings], color=["C0", "C1", "C2"], height=0.6)
    axis.axvline(256 / n_eff, color="C3", ls="--")
    axis.text(256 / n_eff - 0.05, 0, f"predicted for domain: {256 / n_eff:.1f}", ha="right", va="center")
    axis.invert_yaxis()
    axis.set(xlabel="variance / that of batch_mean", title="noise of each mean")
picture

# %% [markdown]
# On real clicks (KuaiRand-Pure), test AUC and gAUC, mean of two seeds; a row of the smallest tab weighs some 30 times a
# row of the largest there:
#
# | batch size | `batch_mean` | `domain_mean` | `dataset_mean` |
# |---|---|---|---|
# | 512 | 0.7190, 0.6329 | 0.7150, 0.6274 | 0.7151, 0.6285 |
# | 4096 | 0.7163, 0.6308 | 0.7125, 0.6244 | 0.7128, 0.6237 |

# %% [markdown]
# ## Ten steps
#
# All together: the objective gives the value and the gradient at every output that a loss reads; backward takes them
# down; Adam (gradient descent in which each parameter has a step size of its own) moves the parameters. Ten steps on
# one batch of 512 rows, then the loss on rows that it has not seen.

# %%
objective = Objective("batch_mean", alpha=1e-4)
adam = Adam(lr=0.01)
learning = tree_map(np.copy, params)
state = adam.init(learning)
train, _ = make_batch(rows, np.arange(512), schema)
unseen, _ = make_batch(rows, np.arange(512, 4096), schema)


def loss_on(batch):
    return objective(model.forward(learning, batch)[0], batch, rng)[0]["bce"]


start = loss_on(unseen)
totals = []
for _ in range(10):
    out, cache = model.forward(learning, train)
    parts, d, _ = objective(out, train, rng)
    adam.step(learning, model.backward(cache, d), state)
    totals.append(parts["total"])
print("L before each step:", np.array(totals))
print(f"cross-entropy of unseen rows: {start:.4f} before, {loss_on(unseen):.4f} after")
assert totals[-1] < totals[0]
assert loss_on(unseen) < start

# %% [markdown]
# ## Check the whole
#
# Layers that are right one by one can still be put together wrongly. The checker takes a whole training step as one
# layer, `Training`, from parameters to L. Its batch has 7, 3 and 2 rows of the domains; all parameters are moved a
# little, since biases at 0 could hide mistakes.

# %%
tiny, _ = make_batch(rows, np.concatenate([np.flatnonzero(domain == s)[:n] for s, n in enumerate((7, 3, 2))]), schema)
bent = tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), params)
objective = Objective("domain_mean", alpha=0.1)
checks = check(Training(model, objective), bent, (tiny,), rng)
assert_ok(checks)
print(f"{len(checks)} checks of {len(flatten(bent))} leaves pass")

# %% [markdown]
# **Bug 1: a road is dropped.** Somebody forgets `d.experts`, and CovLoss teaches nobody. The value of the loss is right
# and training runs; only, nothing pushes CovLoss down. Predict which leaves are wrong, then look: red on the graph is
# what CovLoss reaches, the experts and the embeddings below. Towers, gates and prior are right.


# %% tags=["planted-bug"]
class NoCovRoad(Crocodile):
    def backward(self, c, d):
        return super().backward(c, d._replace(experts=None))  # wrong: only the tower's road


broken = Training(NoCovRoad.build(schema, **sizes), objective)
catches(broken, bent, (tiny,), leaves={"embeddings", "experts"})

# %% [markdown]
# **Bug 2: the other road is dropped.** Now CovLoss arrives and the gates' `do` gets lost. The wrong leaves are the same
# five! The graph says *below which point* something is missing, not which of the two roads. One experiment decides:
# with α = 0 there is no CovLoss road to forget, so bug 1 vanishes, and bug 2 stays.


# %% tags=["planted-bug"]
class NoTowerRoad(Crocodile):
    def backward(self, c, d):
        pull = np.zeros_like(c.gates.o) if d.experts is None else d.experts
        dx, experts = self.experts.backward(c.experts, pull)  # wrong: do is lost
        _, embeddings = self.embeddings.backward(c.embeddings, dx)
        return super().backward(c, d) | {"embeddings": embeddings, "experts": experts}


broken = Training(NoTowerRoad.build(schema, **sizes), objective)
catches(broken, bent, (tiny,), leaves={"embeddings", "experts"})

# %%
without = Objective("domain_mean", alpha=0.0)
assert_ok(check(Training(NoCovRoad.build(schema, **sizes), without), bent, (tiny,), rng))
still = check(Training(NoTowerRoad.build(schema, **sizes), without), bent, (tiny,), rng)
print("without CovLoss, bug 1 passes; bug 2:", still[0].hint)
assert not all(c.ok for c in still)

# %% [markdown]
# **Bug 3: domain weights swapped.** The value uses the right $1/n_s$; the gradient takes them from a list in reverse
# order. So rows of the first domain get the weight of the last and the other way round; the middle domain keeps its
# own. Predict: everything shared is wrong, and so are gates and towers of domains 0 and 2. Gate 1 and tower 1 see only
# rows of domain 1, and must be *right*. The batch has 7, 3 and 2 rows of the domains: gate and tower of domain 0 are
# off by 7/2 = 3.5, those of domain 2 by 2/7 = 0.286. Where domains meet there is no common factor. With 16 wrong leaves
# the graph is what to read, and the leaves that pass are the clue; the report is cut to a line a branch.


# %% tags=["planted-bug"]
class SwappedWeights(Objective):
    def __call__(self, out, batch, rng, params=None):
        parts, d, own = super().__call__(out, batch, rng, params)
        w = row_weights(batch.domains, self.reduction)
        sizes = [s.stop - s.start for s in batch.domains]
        swapped = np.repeat([1 / n for n in reversed(sizes)], sizes)  # wrong: reversed
        return parts, d._replace(logits=d.logits / w * swapped), own


shared, domains_0_and_2 = {"embeddings", "experts", "prior"}, {"gates.0", "gates.2", "towers.0", "towers.2"}
catches(Training(model, SwappedWeights("domain_mean", alpha=0.1)), bent, (tiny,), leaves=shared | domains_0_and_2)

# %% [markdown]
# ### At length: a training step as a layer
#
# `type(d)(*(...))` multiplies each gradient of the `Output` by `dvalue`, the gradient of L itself, and leaves `None`
# where it is. `own` holds gradients of a loss with parameters of its own; CovLoss has none. `tracked` names
# parameters that are not trained but followed, such as running means; Crocodile has none.

# %%
show(Training)

# %% [markdown]
# ### At length: entries that are right in a wrong leaf
#
# Bug 1's report says that some entries of `experts.1.b` are right. CovLoss's gradient adds up to 0 over the rows
# (tutorial 4), so the bias of an output that is on in *every* row gets nothing from CovLoss, and is right without it.
# In bug 3, a row of a table that only domain 1 looked up is right, and so is a weight between units that are both on in
# rows of domain 1 only.

# %%
out, cache = model.forward(bent, tiny)
pull = Output(np.zeros_like(out.logits), experts=covariance(out.experts)[1])  # CovLoss's road alone
always_on = (out.experts > 0).all(axis=0)
print(f"{always_on.sum()} of {always_on.size} outputs are on in every row")
assert always_on.any()
assert np.allclose(model.backward(cache, pull)["experts"][1]["b"][always_on], 0)

# %% [markdown]
# ## What to take along
#
# * Backward is the graph upside down; where a value forks, gradients add.
# * Backward is linear in what comes from above, so roads can be checked one by one.
# * Weights of rows decide the noise: $n_{eff} = (\sum w)^2 / \sum w^2$.
# * Read a report of wrong leaves on the graph: the wrong ones lie below the mistake, the right ones bound it.
#
# **Further reading**
#
# * Lin et al., *Crocodile*, [arXiv 2405.12706](https://arxiv.org/abs/2405.12706), Fig. 3 and Section 4.
# * Kingma and Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015.
# * Kish, *Survey Sampling*, Wiley 1965: the effective size of a weighted sample.
# * In the library: [models/crocodile.py](../croco_np/models/crocodile.py), [objective.py](../croco_np/objective.py),
#   [gradcheck/cases.py](../croco_np/gradcheck/cases.py).
#
# [Next: 6. Train on real clicks](06_train_on_real_clicks.ipynb)
