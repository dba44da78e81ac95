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
# # 8. Read a baseline
#
# **What you will do.** Read three systems that Crocodile is measured against, STEM, STAR and PLE, by asking each the
# same five questions; then write a system of your own and verify it.
#
# **What you will learn.** Why a stop-gradient is an absence and where it must sit; why a check at the starting weights
# can be blind; how to find out what a network shares without trusting its picture; what a new system has to bring.
#
# **What you need.** Tutorials 1 to 3 (layers, embeddings, gates) and 5 (a whole model).
#
# **Equations:** none of the paper's: those of STEM, STAR and PLE, as the docstrings of `croco_np/models` have them

# %% tags=["hide-input"]
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from croco_np.batch import Batch
from croco_np.datasets.splits import Schema
from croco_np.gradcheck import assert_ok, check, report
from croco_np.gradcheck.cases import Training
from croco_np.gradcheck.stops import stop_checks
from croco_np.kernels.mix import softmax_backward
from croco_np.layers import MLP, Embeddings, Linear, PerDomain, ScalarGate, Star, Tower, domain_ids
from croco_np.layers.star import _join, _through
from croco_np.metrics import auc
from croco_np.models import MODELS, PLE, STEM, Output, SharedBottom
from croco_np.models.assembly import Assembly
from croco_np.objective import Objective
from croco_np.optim import Adam
from croco_np.teaching import catches, grade, show
from croco_np.teaching.pictures import chart
from croco_np.teaching.pictures.lesson08 import ple_roads, star_product, stem_roads
from croco_np.tree import flatten, tree_map

np.set_printoptions(precision=4, suppress=True)
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#999999"
schema = Schema(
    fields=("user", "item", "domain"),
    vocabulary=(6, 5, 4),
    user="user",
    item="item",
    domain="domain",
    domains=("A", "B", "C"),
)
sizes = {"embedding_width": 2, "embedding_std": 1.0, "expert_sizes": (4, 3), "tower_sizes": ()}

# %% [markdown]
# STEM, for rows of one domain: what they read on the way up, and what they teach on the way down.

# %% tags=["hide-input"]
stem = STEM.build(schema, **sizes)
stem_roads(stem.teaches)

# %% [markdown]
# ## Five questions
#
# What decides how a recommender learns is mostly not in its figure. Ask:
#
# 1. **What is shared, what is a domain's own?** The leaves of the parameter tree say it.
# 2. **Who reads what?** Follow the forward pass; note every value that is read twice.
# 3. **Where do roads meet?** A value that is read twice gets the *sum* of two gradients.
# 4. **Where is a road closed?** A value that is read but not taught: a stop-gradient.
# 5. **What starts where?** A leaf that starts at 0 or 1 may hide a mistake.

# %%
# By default STEM and PLE have one expert of each domain's own and a shared one: n_specific=1, n_shared=1.
for name in ("stem", "star", "ple"):
    params = MODELS[name].build(schema, **sizes).init(np.random.default_rng(0))
    print(name, {branch: len(flatten(leaves)) for branch, leaves in params.items()}, "leaves a branch")
    if name == "stem":
        print("  ", {leaf: W.shape for leaf, W in flatten(params["experts"]).items()})

# %% [markdown]
# A leaf may hold several experts: the 4 in front of STEM's `0.W` stands for the experts of A, B and C and the shared
# one.
#
# ## STEM: a road that is closed
#
# STEM (Su et al. 2024) gives each domain an expert and an embedding table, and one of each to all. Every row runs
# through *everybody's* experts; but it may teach only its own domain's and the shared one.
#
# On the blackboard: one row of domain A, two experts of width 1, A's own with output $o_A = 2$ and a foreign one with
# $o_B = 5$. The gate is undecided, $g = (\tfrac12, \tfrac12)$, so the mixture is
#
# $$h = g_A\, o_A + g_B\, o_B = 3.5.$$
#
# Let the objective want more of $h$: $dh = -1$. By tutorial 3, $do_m = g_m\, dh$ and $da_m = g_m\, dh\, (o_m - h)$ for
# gate logits $a$. A step of gradient descent goes against $da$. Which way does the gate go?

# %%
o, g, dh = np.array([2.0, 5.0]), np.array([0.5, 0.5]), -1.0
h = g @ o
do, da = g * dh, g * dh * (o - h)
print("do =", do, "  da =", da, "  the gate moves by", -da)
assert -da[1] > 0  # towards B, whose output is the larger one

# %% [markdown]
# Towards B, and rightly: B's expert has more of what is wanted. Now stop the foreign expert from being taught. There
# are two places for the stop, and they do not do the same. Write $\bar{v}$ for a value that is read but not taught:
#
# $$\begin{aligned}
# \text{on the expert's output:} & \quad h = g_A\, o_A + g_B\, \bar{o}_B \\
# \text{on its part of the mixture:} & \quad h = g_A\, o_A + \overline{g_B\, o_B}
# \end{aligned}$$
#
# Both have the same *value*, both leave $do_B = 0$. But in the second, $g_B$ is closed too. The shares then get
# $dg = (dh\, o_A,\ 0)$ in place of $(dh\, o_A,\ dh\, o_B)$, and through the softmax
# $da_m = g_m (dg_m - \sum_n g_n\, dg_n)$:

# %%
dg_right, dg_closed = dh * o, dh * np.array([o[0], 0])
for where, dg in (("on the output ", dg_right), ("on the mixture", dg_closed)):
    da = g * (dg - g @ dg)
    print(f"stop {where}: the gate moves by {-da}")
assert -da[1] < 0  # away from B

# %% [markdown]
# The second stop turns the gate *around*: it no longer sees that B's expert is the better one. No shape is wrong,
# training runs, and a paper's claim ("the gate picks from all experts") is quietly false.
#
# In the library the stop is an absence: one multiplication by a matrix of zeros and ones, `teaches`.

# %%
print(stem.teaches)
show(STEM.teaches, STEM.backward)

# %% [markdown]
# In `backward`, `self.gates.backward` runs first and sees all experts' values, and only then is `do` multiplied. So the
# gate is open.
#
# ### How do you check a stop?
#
# A stopped backward is *not* the derivative of its forward: the checker moves a foreign weight, the output moves, and
# the backward says 0. So ask two questions that do have answers.
#
# **Open, is it a derivative?** With `stop=False` nothing is left out, and the ordinary check must pass.

# %% tags=["hide-input"]
rng = np.random.default_rng(1)
DOMAINS = (slice(0, 5), slice(5, 6), slice(6, 10))  # ten rows, sorted by domain; a single one in B


def draw_batch(rng, n=10, domains=DOMAINS):
    """Random ids, many of them repeated, and the domain's number in the last field."""
    ids = np.stack([rng.integers(0, v, n) for v in schema.vocabulary], axis=1)
    ids[:, 2] = domain_ids(domains)[:, 0] + 1
    return Batch(ids, ids[:, schema.prior_fields], domains, rng.integers(0, 2, n).astype(float))


def bend(params, rng):
    """Every leaf moved a little at random, so that nothing sits at exactly 0 or 1."""
    return tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), params)


batch, params = draw_batch(rng), bend(stem.init(rng), rng)
checks = check(replace(stem, stop=False), params, (batch,), rng, name="STEM, open")
assert_ok(checks)
print(f"{len(checks)} checks passed")

# %% [markdown]
# **Closed, does nothing arrive?** Take rows of one domain only. All roads to the foreign experts and tables are then
# closed, and their gradient must be exactly 0; and it must *not* be 0 when the stop is open:

# %%
closed = stop_checks("stem", seed=0)
print(report(closed))
assert all(c.error == 0 for c in closed)

# %% [markdown]
# ### The stop as an exact derivative
#
# There is a third way. "Read but not taught" means: *treat the value as a constant*. So build the forward in which it
# is a constant, a stored copy, and the stopped backward is an ordinary derivative again.

# %%


@dataclass(frozen=True)
class StoppedMix:
    """h = sum_m g_m o_m, where o_m counts as a constant, `stored`, wherever flow (B, M) is 0."""

    gate: ScalarGate
    flow: Any
    stored: Any

    def forward(self, p, domains, e, o):
        open_ = self.flow[:, :, None]
        (h, _), cache = self.gate.forward(p, domains, e, open_ * o + (1 - open_) * self.stored)
        return h, cache

    def backward(self, c, dh):
        (de, do), grads = self.gate.backward(c, (dh, None))
        return (de, self.flow[:, :, None] * do), grads


gate = ScalarGate(n_prior=5, n_experts=4, n_domains=3)
e, o = rng.standard_normal((10, 5)), rng.standard_normal((10, 4, 3))
flow = stem.teaches[domain_ids(DOMAINS)[:, 0]]  # (B, M): which expert each row may teach
stopped, gate_params = StoppedMix(gate, flow, o), gate.init(rng)
checks = check(stopped, gate_params, (DOMAINS, e, o), rng, name="StoppedMix")
assert_ok(checks)
print(f"{len(checks)} checks passed:", *sorted({c.name.removeprefix("StoppedMix: ") for c in checks}), sep="  ")

# %% [markdown]
# The stop is closed and yet all checks pass, those by complex step to 1e-12.
#
# ### Planted bug: the stop on the mixture
#
# Now the other place. What will the checker say? `input 1` are the experts' outputs $o$: their gradient is the same in
# both versions, so it is *right*. Wrong is all that lies behind the gate: its weights of all three domains, and
# `input 0`, the embedding $e$ that it reads.

# %% tags=["planted-bug"]


class StopOnMixture(StoppedMix):
    def backward(self, c, dh):
        dg = self.flow * (dh[:, None] * c.o).sum(axis=2)  # wrong: closes the share along with the expert
        do = (self.flow * c.g)[:, :, None] * dh[:, None]
        de, grads = self.gate.logits.backward(c.logits, softmax_backward(c.g, dg))
        return (de, do), grads


wrong = StopOnMixture(gate, flow, o)
catches(wrong, gate_params, (DOMAINS, e, o), leaves={"0.W", "1.W", "2.W", "input 0"})

# %% [markdown]
# ## STAR: a product of weights
#
# STAR (Sheng et al. 2021) gives every domain $s$ its own weights $W_s$ and lets all domains share $W$. A row of domain
# $s$ is multiplied by neither, but by their product, entry by entry:
#
# $$W^*_s = W * W_s, \qquad b^*_s = b + b_s, \qquad y = x W^*_s + b^*_s.$$
#
# Blackboard: one input, one output, $x = 1$ in both rows, $W = 2$, $W_B = \tfrac12$, and $dy = 1$ for both rows. Each
# *joint* weight gets $dW^*_s = x\, dy = 1$, and the chain rule for a product hands each factor the other one:
#
# $$dW = \sum_s dW^*_s * W_s, \qquad dW_s = dW^*_s * W.$$
#
# The sum is there because all domains share $W$: their roads meet in it. Move $W_A$:

# %% tags=["hide-input"]
star_product()

# %% [markdown]
# The same from the library, with $W_A = 3$:

# %% tags=["hide-input"]
star = Star(Linear(1, 1), n_domains=2)
toy = {
    "shared": {"W": np.array([[2.0]]), "b": np.array([0.0])},
    "own": [{"W": np.array([[3.0]]), "b": np.array([0.0])}, {"W": np.array([[0.5]]), "b": np.array([0.0])}],
}
y, cache = star.forward(toy, (slice(0, 1), slice(1, 2)), np.ones((2, 1)))
_, grads = star.backward(cache, np.ones((2, 1)))
print("y =", y.ravel())
print("dW =", grads["shared"]["W"].item(), "  dW_A =", grads["own"][0]["W"].item())
assert y.ravel().tolist() == [6, 1]
assert grads["shared"]["W"].item() == 3.5
assert grads["own"][0]["W"].item() == grads["own"][1]["W"].item() == 2

# %% [markdown]
# `Star` does not know what layer it wraps; `_through` is the backward of `_join`, leaf by leaf.

# %%
show(_join, _through, Star.backward)

# %% [markdown]
# ### Planted bug: the factor of the other is forgotten
#
# The most natural mistake is to treat a product like a sum, $dW = \sum_s dW^*_s$. STAR starts with $W_s = 1$
# everywhere, and there the wrong gradient is the right one (question 5). *Predict*: what does the checker say at the
# starting weights?

# %% tags=["planted-bug"]


class ForgetfulStar(Star):
    def backward(self, c, dy):
        dx, djoint = self.copies.backward(c.parts, dy)
        dshared = tree_map(lambda *gs: sum(gs), *djoint)  # wrong: dW*_s without its factor W_s
        return dx, {"shared": dshared, "own": [tree_map(_through, of_domain, c.p["shared"]) for of_domain in djoint]}


forgetful, x = ForgetfulStar(Linear(4, 3), n_domains=3), rng.standard_normal((10, 4))
start = forgetful.init(rng)
catches(forgetful, start, (DOMAINS, x), leaves={"shared.W"})

# %% [markdown]
# It finds the shared weights, and only because it does not trust the point it is given: it measures once more at one
# that is moved a little, where zeros and ones hide nothing. A checker that looks at the starting weights alone passes
# this layer, and a trained network drifts into the bug slowly.
#
# ## PLE: who teaches whom?
#
# Progressive layered extraction (Tang et al. 2020) stacks *levels*. A level has experts of each domain's own and shared
# ones. Path $s$ of a level mixes the experts of $s$ and the shared ones. A further, shared path mixes **all** experts
# of the level, and feeds the shared experts of the next.
#
# Does a row of domain A teach the expert of domain B? The figure of the paper does not answer at a glance. Measure:
# send rows of a single domain through, and take the norm of the gradient that arrives at each expert.

# %% tags=["hide-input"]


def rows_of(s, rng, n=12):
    """A batch with rows of domain s and of no other."""
    ends = [0] * (s + 1) + [n] * (len(schema.domains) - s)
    return draw_batch(rng, n, tuple(slice(a, b) for a, b in pairwise(ends)))


def teaching(model, experts_of):
    """(S, E): the norm of the gradient at the first layer of each expert, for rows of each domain alone."""
    rng = np.random.default_rng(2)
    params, table = bend(model.init(rng), rng), []
    for s in range(len(schema.domains)):
        batch = rows_of(s, rng)
        out, cache = model.forward(params, batch)
        _, d, _ = Objective()(out, batch, rng)
        table.append([np.linalg.norm(W) for W in experts_of(model.backward(cache, d))])
    return np.array(table)


def last_level(grads):
    return [own[0]["W"][0] for own in grads["specific"]] + [grads["shared"][0]["W"][0]]


def first_level(grads):
    return grads["levels"][0]["experts"][0]["W"]


two_levels = sizes | {"n_levels": 2}
narrow_gate = two_levels | {"shared_gate": "shared_only"}
maps = {
    "PLE, first of two levels": teaching(PLE.build(schema, **two_levels), first_level),
    "PLE, last level": teaching(PLE.build(schema, **two_levels), last_level),
    "PLE, first level, shared_only": teaching(PLE.build(schema, **narrow_gate), first_level),
    "STEM": teaching(stem, lambda grads: grads["experts"][0]["W"]),
}
print("rows of A, B, C; experts of A, B, C and the shared one")
for name, table in maps.items():
    print(name, table, sep="\n")

# %% tags=["hide-input"]
ple_roads(
    [maps["PLE, first of two levels"], maps["PLE, first level, shared_only"]],
    maps["PLE, last level"],
)

# %%
own_and_shared = np.c_[np.eye(3, dtype=bool), np.ones(3, bool)]
assert (maps["PLE, first of two levels"] > 0).all()
for name in ("PLE, last level", "PLE, first level, shared_only", "STEM"):
    assert ((maps[name] > 0) == own_and_shared).all()

# %% [markdown]
# A foreign expert of the first level is taught: over the shared expert of the last level and the shared path. In three
# settings it is not, for three reasons. In PLE's last level a foreign expert is never *run*; with `shared_only` it
# runs, but its output reaches nothing; in STEM its output reaches the tower and the gate, and only the way back is cut.
# The tables tell what is taught; the forward pass tells what is read. You need both.
#
# ## Write a system of your own
#
# Here is an idea that is in no paper we know of: let every row run through a bottom that all domains share *and*
# through one of its domain's own, and let each domain learn, dimension by dimension, which of the two to believe.
#
# $$u = \text{shared}(x), \quad v = \text{own}_s(x), \quad c_s = \sigma(a_s), \quad
#   t = v + c_s * (u - v), \quad z = \text{tower}_s(t)$$
#
# $x$ are the embeddings, $\sigma$ the sigmoid, $a_s$ a vector of $K$ numbers for each domain $s$, $z$ the logit. Only
# the blend is new. Its derivatives, one dimension of one row at a time:
#
# $$\begin{aligned}
# du &= c_s\, dt, & dv &= (1 - c_s)\, dt, \\
# dc_s &= \sum_{i \in s} dt_i\, (u_i - v_i), & da_s &= dc_s\, c_s (1 - c_s).
# \end{aligned}$$
#
# The sum runs over the rows of domain $s$, which share $c_s$; an absent domain has an empty sum, 0.

# %%


class BlendCache(NamedTuple):
    domains: tuple
    c: np.ndarray
    u: np.ndarray
    v: np.ndarray


@dataclass(frozen=True)
class Blend:
    """t = v + c_s * (u - v), c_s = sigmoid(a_s): u, v (B, K) -> t (B, K); a (S, K)."""

    width: int
    n_domains: int

    def init(self, rng):
        return {"a": np.zeros((self.n_domains, self.width))}

    def forward(self, p, domains, u, v):
        c = (1 + np.tanh(p["a"] / 2)) / 2  # the sigmoid, without overflow
        return v + c[domain_ids(domains)[:, 0]] * (u - v), BlendCache(domains, c, u, v)

    def backward(self, cache, dt):
        domains, c, u, v = cache
        share = c[domain_ids(domains)[:, 0]]
        dc = np.stack([(dt * (u - v))[rows].sum(axis=0) for rows in domains])
        return (share * dt, (1 - share) * dt), {"a": dc * c * (1 - c)}


@dataclass(frozen=True)
class BlendedBottom(Assembly):
    """z = tower_s(blend_s(shared(x), own_s(x))), x = embeddings(ids)."""

    embeddings: Embeddings
    shared: MLP
    own: PerDomain
    blend: Blend
    towers: PerDomain

    @classmethod
    def build(cls, schema, *, embedding_width=16, embedding_std=0.01, expert_sizes=(64,), tower_sizes=(32,)):
        n_domains, width = len(schema.domains), expert_sizes[-1]
        bottom = MLP((len(schema.fields) * embedding_width, *expert_sizes))
        return cls(
            embeddings=Embeddings(schema.vocabulary, 1, embedding_width, embedding_std),
            shared=bottom,
            own=PerDomain(bottom, n_domains),
            blend=Blend(width, n_domains),
            towers=PerDomain(Tower((width, *tower_sizes)), n_domains),
        )

    def forward(self, p, batch):
        x, embeddings = self.embeddings.forward(p["embeddings"], batch.ids)
        u, shared = self.shared.forward(p["shared"], x[:, 0])
        v, own = self.own.forward(p["own"], batch.domains, x[:, 0])
        t, blend = self.blend.forward(p["blend"], batch.domains, u, v)
        z, towers = self.towers.forward(p["towers"], batch.domains, t)
        return Output(z[:, 0]), (embeddings, shared, own, blend, towers)

    def backward(self, cache, d):
        c = dict(zip(("embeddings", "shared", "own", "blend", "towers"), cache, strict=True))
        grads = {}
        dt, grads["towers"] = self.towers.backward(c["towers"], d.logits[:, None])
        (du, dv), grads["blend"] = self.blend.backward(c["blend"], dt)
        dx_shared, grads["shared"] = self.shared.backward(c["shared"], du)
        dx_own, grads["own"] = self.own.backward(c["own"], dv)
        _, grads["embeddings"] = self.embeddings.backward(c["embeddings"], (dx_shared + dx_own)[:, None])
        return grads


# %% [markdown]
# A complete system: `Assembly` makes `init` out of the fields, `Output` is what a loss can pull on, and each layer
# brought its own backward; ours only had to say where roads meet: `dx_shared + dx_own`. Verify it in two steps, the new
# layer alone, then the model under the training loss.

# %%
blend = Blend(width=3, n_domains=3)
inputs = (DOMAINS, rng.standard_normal((10, 3)), rng.standard_normal((10, 3)))
checks = check(blend, bend(blend.init(rng), rng), inputs, rng, name="Blend")
assert_ok(checks)
print(f"the blend: {len(checks)} checks passed, {len(checks) // 2} leaves")

model = BlendedBottom.build(schema, **sizes)
checks = check(Training(model, Objective()), bend(model.init(rng), rng), (draw_batch(rng),), rng, name="BlendedBottom")
assert_ok(checks)
print(f"the whole model under the training loss: {len(checks)} checks passed, {len(checks) // 2} leaves")

# %% [markdown]
# ### At length: does it learn?
#
# A right gradient does not make a good model. So train it, on data whose truth we know. Users and items have a hidden
# taste each; in domain A a click is likely where the tastes agree, in domain B where they *disagree*. A model that is
# blind to the domain sees the two nearly cancel.

# %%


class Planted(NamedTuple):
    batch: Batch
    truth: np.ndarray


def planted(rng, tastes, n):
    """n rows with planted clicks; truth: each row's click probability."""
    user, item = rng.integers(0, 30, n), rng.integers(0, 30, n)
    domain = np.sort((rng.random(n) > 0.6).astype(int))  # 60 % in A
    agree = tastes[0][user] * tastes[1][item]
    truth = 1 / (1 + np.exp(-3 * np.where(domain == 0, agree, -agree)))
    n_a = int((domain == 0).sum())
    ids = np.stack([user, item, domain + 1], axis=1)
    labels = (rng.random(n) < truth).astype(float)
    return Planted(Batch(ids, ids, (slice(0, n_a), slice(n_a, n)), labels), truth)


def blind(batch):
    """The same rows for a model that is not told the domain."""
    ids = batch.ids * np.array([1, 1, 0])
    return batch._replace(ids=ids, prior_ids=ids, domains=(slice(0, len(ids)),))


world = replace(schema, vocabulary=(30, 30, 3), domains=("A", "B"))
small = {"embedding_width": 4, "embedding_std": 0.5, "expert_sizes": (32,), "tower_sizes": ()}
contenders = {
    "blind to the domain": (SharedBottom.build(replace(world, domains=("all",)), **small), blind),
    "shared bottom": (SharedBottom.build(world, **small), lambda batch: batch),
    "our blended bottom": (BlendedBottom.build(world, **small), lambda batch: batch),
}
rng = np.random.default_rng(3)
tastes = rng.standard_normal((2, 30))
test = planted(rng, tastes, 4000)
train = [planted(rng, tastes, 512).batch for _ in range(30)]
objective, adam = Objective(), Adam(lr=0.05)
curves, scores = {}, {}
for name, (contender, see) in contenders.items():
    params = contender.init(np.random.default_rng(4))
    moments, curves[name] = adam.init(params), []
    for batch in map(see, train):
        out, cache = contender.forward(params, batch)
        parts, d, _ = objective(out, batch, rng)
        adam.step(params, contender.backward(cache, d), moments)
        curves[name].append(parts["total"])
    out, _ = contender.forward(params, see(test.batch))
    scores[name] = auc(out.logits, test.batch.labels).value
    print(f"{name:<20} test AUC {scores[name]:.2f} after 30 steps")
user, item = test.batch.ids[:, 0], test.batch.ids[:, 1]
best_blind = auc(tastes[0][user] * tastes[1][item], test.batch.labels).value  # most rows are of A, so follow A
print(f"{'the best blind score':<20} test AUC {best_blind:.2f}")
print(f"{'the truth itself':<20} test AUC {auc(test.truth, test.batch.labels).value:.2f}")
assert scores["our blended bottom"] > scores["blind to the domain"] + 0.1
assert scores["blind to the domain"] < 0.52 < best_blind < 0.6

# %% tags=["hide-input"]
label = "cross-entropy of the batches over 30 steps: the blind model stays near the start, the two others fall"
with chart(label, 2.6) as picture:
    ax = picture.axes()
    for (name, losses), colour, line in zip(curves.items(), (GREY, BLUE, ORANGE), (":", "--", "-"), strict=True):
        ax.plot(range(1, 31), losses, line, color=colour, lw=2, label=name)
    ax.set_xlabel("step")
    ax.set_ylabel("cross-entropy (nats)")
    ax.legend()
picture

# %% [markdown]
# The blind model has little to follow: of the two tastes only a fifth is left when they cancel 60 against 40, and in
# thirty steps it finds none of it. Ours learns that the domains differ, and comes near to
# the truth. Note what this does **not** show: that it is better than a shared bottom with a tower for each domain. Its
# sizes and step were picked so that it learns in thirty steps, on made-up data, with one seed: that a system works, not
# that it wins. For that there is the protocol of `python -m croco_np.train`, three seeds, and a table.
#
# ## Exercises
#
# **8.1.** Backward of the mixture with STEM's stop, from scratch: $g$ `(B, M)`, $o$ `(B, M, K)`, $dh$ `(B, K)` and
# `flow` `(B, M)`, 1 where the row may teach the expert. Return `do` and `da`, the gradients of experts' outputs and
# gate logits.

# %%


def stopped_backward(g, o, dh, flow):
    raise NotImplementedError


grade("8.1", stopped_backward)

# %% [markdown]
# **8.2.** A cheaper STAR: the domain's own factor is an outer product, $W^* = W * (r\, q^T)$, with $W$ `(n, k)`, $r$
# `(n,)` and $q$ `(k,)`. Given `dWs`, the gradient of $W^*$, return `dW`, `dr`, `dq`.

# %%


def rank_one_backward(dWs, W, r, q):
    raise NotImplementedError


grade("8.2", rank_one_backward)

# %% [markdown]
# **8.3.** A cross-stitch unit (Misra et al. 2016) lets two domains' networks trade: from $u$ and $v$, both `(B, K)`,
# and a $2 \times 2$ matrix $A$, it makes $u' = A_{00}\, u + A_{01}\, v$ and $v' = A_{10}\, u + A_{11}\, v$. Given `du2`
# and `dv2`, the gradients of $u'$ and $v'$, return `du`, `dv`, `dA`.

# %%


def cross_stitch_backward(u, v, A, du2, dv2):
    raise NotImplementedError


grade("8.3", cross_stitch_backward)

# %% [markdown]
# **8.4.** No code: PLE with two domains, *three* levels, one expert of each domain's own and one shared one, and the
# shared gate over all experts. Which expert of the *middle* level does a row of each domain teach? A table of 0 and 1,
# two rows (domains A, B), three columns (A's, B's, shared). Follow the road backwards before you answer.

# %%
middle_level = ...
grade("8.4", middle_level)

# %% [markdown]
# ## Further reading
#
# * Su et al., *STEM: Unleashing the Power of Embeddings for Multi-task Recommendation*, AAAI 2024;
#   [stem.py](../croco_np/models/stem.py)
# * Sheng et al., *One Model to Serve All: Star Topology Adaptive Recommender for Multi-Domain CTR Prediction*, CIKM
#   2021; [star.py](../croco_np/models/star.py) and [layers/star.py](../croco_np/layers/star.py)
# * Tang et al., *Progressive Layered Extraction (PLE): A Novel Multi-Task Learning Model for Personalized
#   Recommendations*, RecSys 2020; [ple.py](../croco_np/models/ple.py)
# * Misra et al., *Cross-stitch Networks for Multi-task Learning*, CVPR 2016
# * With the five questions in hand: [hinet.py](../croco_np/models/hinet.py), [pepnet.py](../croco_np/models/pepnet.py)
#   (whose stop-gradient is a return value that is dropped), [adasparse.py](../croco_np/models/adasparse.py)
#
# Next: [Make it fast](09_make_it_fast.ipynb)
