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
# # 2. Look up and sum
#
# **What you will do.** Differentiate the look-up in an embedding table, first as a matrix product, then without one.
# Lose gradients in two ways, once in one line of NumPy and once with two workers, and stop losing them. In the end,
# save all but 1 in 250 of the multiplications of nine fields of a real data set.
#
# **What you will learn.** Why the backward pass of a look-up is a sum; sort-and-reduce; what a gradient of a table
# looks like when most rows were not used; what a data race is and what "owner computes" means; how M tables lie side by
# side; why a look-up and a product can change places.
#
# **What you need.** [Tutorial 1](01_differentiate_one_layer.ipynb).
#
# **Equations:** Eq. (3), Eq. (9)
#
# <!-- links: written by python -m tutorials.publish.equations -->
# - [Eq. (3)](reference/equations.md#eq-3), M embedding tables a field, side by side:
#   [`Embeddings`](../croco_np/layers/embedding.py#L19), [test by hand](../tests/layers/test_by_hand.py#L17),
#   [in this lesson](#Many-fields-and-M-tables%3A-Eq.-%283%29)
# - [Eq. (9)](reference/equations.md#eq-9), prior embedding of user, item and domain:
#   [`Embeddings`](../croco_np/layers/embedding.py#L19), [test by hand](../tests/layers/test_by_hand.py#L126),
#   [in this lesson](#The-prior-embedding%3A-Eq.-%289%29)
# <!-- end of links -->

# %%
import matplotlib.pyplot as plt
import numpy as np

from croco_np.costs.schemas import SCHEMAS
from croco_np.gradcheck import assert_ok, check
from croco_np.kernels.rows import sum_by_row
from croco_np.layers import Embeddings, Experts, LookUpExperts
from croco_np.teaching import catches, grade, show
from croco_np.tree import RowGrad

np.set_printoptions(precision=4, suppress=True)
BLUE, ORANGE = "#0072B2", "#D55E00"

# %% [markdown]
# ## A look-up is a linear layer
#
# A column of the data such as the user, the item or the tab is called a *field*. Its values are numbered 0, 1, ...; the
# number is the *id*. Every value owns a row of a *table*: its *embedding*, numbers that are learnt like weights. The
# blackboard has a table of 3 values with 2 numbers each, and a batch of 3 rows of data. Value 2 occurs twice, value 1
# does not occur.

# %%
table = np.array([[1.0, 10], [2, 20], [3, 30]])
ids = np.array([2, 0, 2])
x = table[ids]
print(x)

# %% [markdown]
# Write each id as a row of zeros with a single 1 at the place of the id: the *one-hot* matrix $N$, with $N_{iv} = 1$
# where row $i$ of the data has value $v$. Multiplying by it picks rows:
#
# $$x = N T, \qquad N: (B, V), \quad T: (V, E), \quad x: (B, E)$$
#
# for $B$ rows of data, $V$ values and embeddings of width $E$. This is the linear layer of tutorial 1 with $N$ as its
# input and $T$ as its weights. So its gradient is known:
#
# $$dT = N^\top dx, \qquad dT_v = \sum_i N_{iv} \, dx_i = \sum_{i \,:\, \mathrm{id}_i = v} dx_i .$$
#
# In words: **the gradient of a row of the table is the sum of the gradients of all places that looked it up.** The ids
# themselves have no gradient; they are names, not numbers.

# %%
N = np.eye(3)[ids]
dx = np.array([[1.0, 1], [2, 2], [4, 4]])
dT = N.T @ dx
print(N, dT, sep="\n\n")

np.testing.assert_array_equal(N @ table, x)
np.testing.assert_array_equal(dT, [[2, 2], [0, 0], [5, 5]])  # value 2: 1 + 4

# %% [markdown]
# Nobody builds $N$. The largest field of the AliCCP data has 467,298 values; for a batch of 4,096 rows, $N$ would have
# 1.9 billion entries, all but 4,096 of them 0. The look-up `table[ids]` and a sum by row do the same work with 4,096
# rows.
#
# ## The line that loses gradients
#
# The sum by row looks like one line of NumPy. Try it, and compare with the right result above:

# %%
lossy = np.zeros_like(table)
lossy[ids] += dx
print(lossy)
np.testing.assert_array_equal(lossy, [[2, 2], [0, 0], [4, 4]])  # value 2: 4, and the 1 is gone

# %% [markdown]
# No error, no warning, right shape, and a gradient is missing. NumPy does what the line says in three steps: it *reads*
# `lossy[ids]` into a new array, adds `dx` to that, and *writes* the result back. Both places of value 2 read 0; the one
# writes 1, and the other overwrites it with 4. Ids that occur once come out right, so a test without repeated ids sees
# nothing. In real batches popular items repeat all the time, and they are the ones that lose.
#
# `np.add.at` reads and writes one place after the other, and is right:

# %%
summed = np.zeros_like(table)
np.add.at(summed, ids, dx)
np.testing.assert_array_equal(summed, dT)
print(summed)

# %% [markdown]
# ## Sort, then reduce
#
# There is another way that needs no writing to shared places at all. Sort the places by id; then all places of one
# value stand together, and each stretch is summed by itself. `np.add.reduceat` sums from each start to the next.

# %%
order = np.argsort(ids, kind="stable")
rows, starts = np.unique(ids[order], return_index=True)
values = np.add.reduceat(dx[order], starts, axis=0)
print("places in the order of their ids:", order)
print("ids that occur:", rows, " their stretches start at", starts)
print(values)

# %% [markdown]
# What comes out has no row for value 1, which did not occur. With half a million rows in the table and a few thousand
# in the batch that is what one wants: a gradient that says which rows it speaks of. The library calls it `RowGrad`;
# `dense` fills in the zeros.

# %%
sparse = RowGrad(rows, values)
np.testing.assert_array_equal(sparse.dense(table.shape), dT)
show(RowGrad, docstring=True)

# %% [markdown]
# Here is the layer. `np.unique` finds the rows that occur, and for each place the slot of its row among them;
# `gather` is `table[rows]`, with the embeddings of all fields laid one after the other, and `sum_by_row` is
# sort-and-reduce as above, for several fields and tables at once.

# %%
show(Embeddings.forward, Embeddings.backward, sum_by_row)

# %% [markdown]
# ## Many fields and M tables: Eq. (3)
#
# A model has $F$ fields, and Crocodile has $M$ tables for each of them, one for every expert. The input of expert $m$
# is the embeddings of all fields from the tables number $m$, one after the other:
#
# $$x_m = [E_1^m[\mathrm{id}_1], \dots, E_F^m[\mathrm{id}_F]], \qquad m = 1, \dots, M .$$
#
# (An *expert* is a stack of `Dense` layers with weights of its own; $M$ of them stand side by side, and tutorial 3
# mixes their outputs.)
#
# All of it lives in *one* array of shape $(V, M, E)$, where $V$ now counts the values of all fields together. The
# fields lie below each other: value 0 of the second field comes after the last value of the first. The $M$ embeddings
# of a value lie side by side, so one look-up fetches all $M$. The first row of a field is its *offset*. ($E_f^m$ with
# indices is a table, $E$ alone a width.)

# %%
layer = Embeddings(vocabulary=(6, 4, 3), n_tables=2, width=3, std=1.0)
params = layer.init(np.random.default_rng(0))
ids = np.array([[5, 0, 1], [2, 0, 1], [2, 3, 1], [0, 0, 2], [2, 0, 2]])  # 5 rows of data, 3 fields
x, cache = layer.forward(params, ids)
print("offsets", layer.offsets, " table", params["table"].shape, " x", x.shape)
print(cache.rows)

second = x[3, 1]  # row 3 of the data, table 1: three embeddings of width 3
t = params["table"]
np.testing.assert_array_equal(second, np.r_[t[0, 1], t[6 + 0, 1], t[10 + 2, 1]])

# %% [markdown]
# Now send ones back. Then the gradient of each number in the table simply counts how often its row was used, and a
# picture shows what a batch teaches.

# %%
_, grads = layer.backward(cache, np.ones_like(x))
counts = grads["table"].dense(t.shape).reshape(13, 6)
np.testing.assert_array_equal(counts[:, 0], np.bincount(cache.rows.ravel(), minlength=13))

fig, ax = plt.subplots(figsize=(6, 4.6))
image = ax.imshow(counts, cmap="cividis", aspect="auto")
for offset in layer.offsets[1:]:
    ax.axhline(offset - 0.5, color="white", linewidth=3)
ax.axvline(2.5, color="white", linewidth=1)
names = [f"field {f + 1}, id {i}" for f, n in enumerate(layer.vocabulary) for i in range(n)]
ax.set_yticks(range(13), names, fontsize=9)
ax.set_xticks([1, 4], ["table 1, width 3", "table 2, width 3"])
fig.colorbar(image, label="gradient (times the row was used)", ticks=range(5))
fig.tight_layout()
plt.show()

# %% [markdown]
# *A map of the table, 13 rows by 6 numbers, in three bands for three fields. Six of the thirteen rows are dark: no row
# of the data used them, their gradient is 0 and `RowGrad` does not hold them. The brightest row is id 0 of field 2,
# which four of the five rows of data share. Both tables have the same pattern, since one look-up serves both.*
#
# ## Bug 1: repeated ids keep the last gradient
#
# Plant the lossy line in the real layer. Predict: only one leaf exists, `table`. Rows that were used once come out
# right, rows that were used more often wrong. So the checker should find some of the sampled entries right and others
# wrong, all of them in rows that repeat: 2 (id 2 of field 1), 6 (id 0 of field 2), 11 and 12 (ids 1 and 2 of field 3).
# It names an entry by row, table and number, so `[6, 1, 0]` is row 6, table 1, number 0, all counted from 0.


# %% tags=["planted-bug"]
class KeepsLast(Embeddings):
    def backward(self, c, dx):
        table = np.zeros_like(c.p["table"])
        places = dx.reshape(len(dx), self.n_tables, len(self.vocabulary), self.width).swapaxes(1, 2)
        table[c.rows] += places  # wrong: reads all, then writes all
        return None, {"table": table}


catches(KeepsLast((6, 4, 3), 2, 3, std=1.0), params, (ids,), leaves={"table"})

# %% [markdown]
# The same broken layer on two rows of data that share no value. Everything passes:

# %%
distinct = np.array([[5, 0, 1], [2, 3, 2]])
checks = check(KeepsLast((6, 4, 3), 2, 3, std=1.0), params, (distinct,), np.random.default_rng(0))
assert_ok(checks)
print(f"{len(checks)} checks passed, and the layer is broken")

# %% [markdown]
# A check proves something only where the mistake could show. The library's own cases have far more places than values,
# so that ids must repeat.
#
# ## Bug 2: offsets forgotten on the way back
#
# The forward pass adds the offsets; this backward forgets them. What will happen? Ids of all fields are taken for rows
# 0, 1, 2, ... of the first field. The gradients of fields 2 and 3 are added to rows 0 to 3, and rows 6 to 12 get none.
# Of the rows that were used, only row 5 is right, since no other field has an id 5. The checker looks at some of the 78
# entries: if one of row 5 is among them, it reports a mask or an index; if none is, it sees no pattern at all.


# %% tags=["planted-bug", "varies"]
class WithoutOffsets(Embeddings):
    def backward(self, c, dx):
        return super().backward(c._replace(rows=c.rows - self.offsets), dx)  # wrong: ids, not rows


catches(WithoutOffsets((6, 4, 3), 2, 3, std=1.0), params, (ids,), leaves={"table"})

# %% [markdown]
# Neither bug stops a training run. There is no exception and no NaN, and the layers above still learn. Now and then the
# checker says of the second that two calls give two answers: fields then share rows, and threads that each own a field
# meet in them. That is the next section.
#
# ## Two workers: the same bug again
#
# Sums over a large batch are shared out to several threads. To add to a sum, a thread must read it, add, and write it
# back. Two threads that do this to the same row at the same time are a *data race*. We can watch one in plain Python: a
# worker pauses after each read and after each write, and a *schedule* says whose turn it is.


# %%
def worker(sums, places):
    """Add d to sums[row] for all (row, d); each `yield` gives the turn away."""
    for row, d in places:
        seen = sums[row]  # read
        yield
        sums[row] = seen + d  # write
        yield


def run(schedule, places_of_a, places_of_b, n_rows=1):
    """Let workers A and B take turns as the letters say, then finish -> the sums."""
    sums = [0] * n_rows
    workers = {"A": worker(sums, places_of_a), "B": worker(sums, places_of_b)}
    for who in schedule:
        next(workers[who], None)
    for rest in workers.values():
        for _ in rest:
            pass
    return sums


print("A reads, A writes, B reads, B writes:", run("AABB", [(0, 1)], [(0, 4)]))
print("A reads, B reads, A writes, B writes:", run("ABAB", [(0, 1)], [(0, 4)]))
assert run("AABB", [(0, 1)], [(0, 4)]) == [5]
assert run("ABAB", [(0, 1)], [(0, 4)]) == [4]

# %% [markdown]
# The second schedule is read, read, write, write: B read 0 before A wrote 1, and A's *update is lost*. These are the 1
# and the 4 of our blackboard, and `table[rows] += dx` is this very schedule, for the whole batch at once.
#
# How much is lost? Let two workers each count 200 places into a table of $R$ rows, on random schedules. Everyone adds
# 1, so whatever the sums fall short of 400 has been lost.

# %%
rng = np.random.default_rng(0)


def lost(n_rows, owner_computes):
    places = [(int(row), 1) for row in rng.integers(0, n_rows, 400)]
    half = {"A": places[:200], "B": places[200:]}
    if owner_computes:  # each looks at all places and adds up only the rows that it owns
        half = {"A": [p for p in places if p[0] % 2 == 0], "B": [p for p in places if p[0] % 2 == 1]}
    schedule = rng.choice(["A", "B"], 800)
    return 400 - sum(run(schedule, half["A"], half["B"], n_rows))


sizes = [1, 3, 10, 30, 100, 300]
racing = [[lost(n, owner_computes=False) for _ in range(20)] for n in sizes]
owned = [[lost(n, owner_computes=True) for _ in range(20)] for n in sizes]
assert np.max(owned) == 0
assert np.min(racing[0]) > 40  # one row: every schedule loses more than a tenth

fig, ax = plt.subplots(figsize=(6.5, 3.8))
for n, losses in zip(sizes, racing, strict=True):
    ax.plot(np.full(20, n), losses, ".", color=ORANGE, alpha=0.6)
ax.plot(sizes, np.mean(racing, axis=1), "-", color=ORANGE, label="half of the batch each: a race")
ax.plot(sizes, np.mean(owned, axis=1), "s-", color=BLUE, label="half of the rows each: owner computes")
ax.set(xscale="log", xlabel="rows of the table", ylabel="updates lost, of 400")
ax.set_xticks(sizes, [str(n) for n in sizes])
ax.minorticks_off()
ax.legend(fontsize=9)
fig.tight_layout()
plt.show()

# %% [markdown]
# *Updates lost over the number of rows. Where two workers share out the batch, a table of one row loses about 150 of
# 400 updates, one of 300 rows hardly any; the twenty points at each size scatter, for each schedule loses others. Where
# they share out the rows, the line lies at 0 throughout.*
#
# So a race bites hardest where a field has few values: a domain's embedding is looked up by every row of that domain.
# And each run loses other updates, so results do not repeat.
#
# The cure is in the blue line. **Owner computes**: share out what is *written*, not what is read. Every thread looks at
# the whole batch but adds up only rows that are its own. No locks, nothing lost. And every sum is added up in the order
# of the batch, whatever the number of threads. That matters because adding rounds: on a computer, $(0.1 + 0.2) + 0.3$
# and $0.1 + (0.2 + 0.3)$ differ in the last bit.
#
# The compiled twin of `sum_by_row` does this (`prange` is a loop whose turns run in parallel; each turn owns `OWNED`
# fields, and a row belongs to one field):

# %%
show(sum_by_row.twin.py_func)

# %%
rng = np.random.default_rng(1)
slots = rng.integers(0, 4, (50, 3)) + 4 * np.arange(3)  # 50 rows of data, 3 fields of 4 values
dx = rng.standard_normal((50, 2, 3 * 5))
by_hand = np.zeros((12, 2, 5))
for i in range(50):
    for field in range(3):
        by_hand[slots[i, field]] += dx[i, :, 5 * field : 5 * field + 5]
np.testing.assert_allclose(sum_by_row(slots, 12, dx), by_hand, rtol=0, atol=1e-12)
np.testing.assert_allclose(sum_by_row.reference(slots, 12, dx), by_hand, rtol=0, atol=1e-12)
assert (0.1 + 0.2) + 0.3 != 0.1 + (0.2 + 0.3)
print("definition, twin and two loops agree")

# %% [markdown]
# ## The prior embedding: Eq. (9)
#
# Crocodile's gate decides how much of each expert a row gets. It does not read the tables of the experts but a set of
# its own, the *prior embedding* of user $u$, item $v$ and domain $s$ (the tab of the app):
#
# $$e = [E_u, E_v, E_s].$$
#
# Nothing new is needed: it is the same layer with three fields and a single table, $M = 1$, and other parameters.

# %%
prior = Embeddings(vocabulary=(6, 5, 3), n_tables=1, width=2, std=1.0)
p_prior = prior.init(np.random.default_rng(2))
who_what_where = np.array([[1, 4, 0], [1, 2, 0], [3, 4, 0], [5, 0, 2]])
e, cache = prior.forward(p_prior, who_what_where)
print("e", e.shape, "-> one vector a row of data:", e[:, 0].shape)

de = np.ones_like(e)
_, grads = prior.backward(cache, de)
domain_row = int(prior.offsets[2])
at = grads["table"].rows.tolist().index(domain_row)
np.testing.assert_array_equal(grads["table"].values[at], [[3, 3]])  # three rows of the batch are in domain 0
assert_ok(check(prior, p_prior, (who_what_where,), np.random.default_rng(0)))

# %% [markdown]
# ## Few values: multiply before you look up
#
# An expert multiplies what was looked up by a weight matrix. For one field, $z = xW = (NT)W$ with $W$ of shape
# $(E, n)$. Products may be bracketed the other way:
#
# $$(N T) \, W = N \, (T W), \qquad\text{that is}\qquad T[\mathrm{ids}] \, W = (T W)[\mathrm{ids}] .$$
#
# On the left $B$ rows are multiplied, on the right $V$. A field with 4 values in a batch of 4,096 rows is multiplied
# 4,096 times on the left for only 4 different results. Call the small product $P = TW$. Its backward pass is one you
# know twice over: first the sum of this tutorial, then the linear layer of the last one,
#
# $$dP = N^\top dz, \qquad dW = T^\top dP, \qquad dT = dP \, W^\top .$$

# %%
rng = np.random.default_rng(3)
T, W = rng.standard_normal((4, 16)), rng.standard_normal((16, 64))
ids = rng.integers(0, 4, 4096)
dz = rng.standard_normal((4096, 64))

long_x = T[ids]  # the long way: look up, then multiply
long_z, long_dW, long_dx = long_x @ W, long_x.T @ dz, dz @ W.T
long_dT = np.zeros_like(T)
np.add.at(long_dT, ids, long_dx)

P = T @ W  # the short way: multiply, then look up
dP = np.zeros_like(P)
np.add.at(dP, ids, dz)
np.testing.assert_allclose(P[ids], long_z, atol=1e-12)
np.testing.assert_allclose(T.T @ dP, long_dW, atol=1e-10)
np.testing.assert_allclose(dP @ W.T, long_dT, atol=1e-10)
print(f"multiplications, forward: {4096 * 16 * 64:,} and {4 * 16 * 64:,}; all results agree")

# %% [markdown]
# With many fields, each has its own block of rows in $W$, and $z = \sum_f x_f W_f + b$. A field with many values (a
# *wide* one) is looked up and multiplied, a *narrow* one the other way round. A field is narrow if it has at most `few`
# values; the default is 128. That is `LookUpExperts`, embeddings and experts in one layer: here it is next to the two
# layers that it replaces.

# %%
rng = np.random.default_rng(4)
embeddings, experts = Embeddings((40, 3, 2), 2, 4, std=1.0), Experts(2, (3 * 4, 5))
joint = LookUpExperts(embeddings, experts, few=3)
p = joint.init(rng)
ids = np.stack([rng.integers(0, n, 20) for n in (40, 3, 2)], axis=1)
do = rng.standard_normal((20, 2, 5))

x, looked_up = embeddings.forward(p["embeddings"], ids)
o, computed = experts.forward(p["experts"], x)
dx, d_experts = experts.backward(computed, do)
_, d_embeddings = embeddings.backward(looked_up, dx)

o_joint, cache = joint.forward(p, ids)
_, grads = joint.backward(cache, do)
np.testing.assert_allclose(o_joint, o, atol=1e-13)
np.testing.assert_allclose(grads["experts"][0]["W"], d_experts[0]["W"], atol=1e-13)
np.testing.assert_array_equal(grads["embeddings"]["table"].rows, d_embeddings["table"].rows)
np.testing.assert_allclose(grads["embeddings"]["table"].values, d_embeddings["table"].values, atol=1e-13)
print("narrow fields:", joint.is_narrow)
show(LookUpExperts.forward)

# %% [markdown]
# `projected` holds the small products, one for each narrow field; `add_rows` looks them up and adds them to $z$.
#
# What does it save on AliCCP? The first layer of the default model has $M = 5$ experts, embeddings of width $E = 16$
# and $n = 64$ outputs: $M E n$ multiplications for each field of each row.

# %%
vocabulary = SCHEMAS["aliccp"].vocabulary
aliccp = LookUpExperts(Embeddings(vocabulary, 5, 16), Experts(5, (len(vocabulary) * 16, 64)))
narrow = aliccp.is_narrow
before = 4096 * len(vocabulary) * 5 * 16 * 64
n_values = np.array(vocabulary)[narrow].sum()
after = (4096 * (~narrow).sum() + n_values) * 5 * 16 * 64
print(f"{narrow.sum()} of {len(vocabulary)} fields are narrow, with {n_values} values together")
print(f"multiplications in a batch of 4,096: {before:,} without, {after:,} with")
assert aliccp.few == 128
assert narrow.sum() == 9
assert 250 * n_values < 4096 * 9  # all but 1 in 250
assert after < 0.5 * before

# %% [markdown]
# The nine narrow fields took 36,864 rows of products; now they take 143 at most, some 250 times less. Less than half of
# the work is left, and no result has changed but by rounding. Look-ups take time, too, so this is a count and not yet a
# speed; tutorial 9 measures.
#
# ## Exercises
#
# **Exercise 2.1, one table, two look-ups.** A model looks up the item on show and the item seen last in one and the
# same table: $x = T[a]$ and $z = T[c]$. Return the gradient of $T$ as a pair `rows, values`: the rows that were used,
# each once and in ascending order, and their gradients. The batch may be empty.


# %%
def two_uses_backward(a, c, dx, dz):
    """a, c (B,) int; dx, dz (B, E) -> rows (R,), values (R, E)."""
    raise NotImplementedError


grade("2.1", two_uses_backward)

# %% [markdown]
# **Exercise 2.2, a mean of several values.** A video has several tags. Its embedding is the mean over its tags:
# $x_i = \frac{1}{n_i} \sum_l T[\mathrm{id}_{il}]$, where $l$ runs over the $n_i \ge 1$ tags that are real; the others
# only fill up the array. Return the full `dT`.


# %%
def tags_backward(n_rows, ids, real, dx):
    """ids (B, L) int, real (B, L) bool, dx (B, E) -> dT (n_rows, E)."""
    raise NotImplementedError


grade("2.2", tags_backward)

# %% [markdown]
# **Exercise 2.3, a narrow field.** $z = P[\mathrm{ids}]$ with $P = TW$. Return `dP, dT, dW`, with no product over the
# rows of the batch.


# %%
def narrow_backward(T, W, ids, dz):
    """T (V, E), W (E, n), ids (B,), dz (B, n) -> dP (V, n), dT (V, E), dW (E, n)."""
    raise NotImplementedError


grade("2.3", narrow_backward)

# %% [markdown]
# **Exercise 2.4, the worst schedule.** Workers A and B each add 1 to the same sum three times, so it should end at 6.
# What is the smallest number it can end at? Try schedules: `run("ABAB...", [(0, 1)] * 3, [(0, 1)] * 3)`. Three is not
# the answer.

# %%
smallest = ...
grade("2.4", smallest)

# %% [markdown]
# ## Further reading
#
# - [layers/embedding.py](../croco_np/layers/embedding.py), [kernels/rows.py](../croco_np/kernels/rows.py),
#   [layers/lookup.py](../croco_np/layers/lookup.py) and [tree.py](../croco_np/tree.py): what you have just read, whole.
# - Z. Lin et al., *Crocodile: Cross-experts Covariance Loss for Disentangled Learning in Multi-Domain Recommendation*
#   (arXiv 2405.12706): Eqs. (3) and (9) in their place.
# - M. Naumov et al., *Deep Learning Recommendation Model for Personalization and Recommendation Systems* (2019): a
#   recommender that is mostly tables.
# - F. Niu, B. Recht, C. Ré, S. J. Wright, *Hogwild!: A Lock-Free Approach to Parallelizing Stochastic Gradient Descent*
#   (NIPS, 2011): when lost updates do little harm, and why that needs tables with many rows.
#
# [Next: 3. Mix experts with a gate](03_mix_experts_with_a_gate.ipynb)
