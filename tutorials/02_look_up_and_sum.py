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
# **What you will do.** Differentiate the look-up in an embedding table. Lose gradients in two ways, in one line of
# NumPy and with two workers, and stop losing them. In the end, save all but 1 in 250 of the multiplications of nine
# fields of a real data set.
#
# **What you will learn.** Why the backward pass of a look-up is a sum; what a gradient of a table looks like when most
# rows were not used; what a data race is and what "owner computes" means; how M tables lie side by side.
#
# **What you need.** [Tutorial 1](01_differentiate_one_layer.ipynb).
#
# **Equations:** Eq. (3), Eq. (9)
#
# <!-- links: written by python -m tutorials.publish.equations -->
# - [Eq. (3)](reference/equations.md#eq-3):
#   [`Embeddings`](../croco_np/layers/embedding.py#L19), [test by hand](../tests/layers/test_by_hand.py#L19),
#   [in this lesson](#Many-fields-and-M-tables%3A-Eq.-%283%29)
# - [Eq. (9)](reference/equations.md#eq-9):
#   [`Embeddings`](../croco_np/layers/embedding.py#L19), [test by hand](../tests/layers/test_by_hand.py#L139),
#   [in this lesson](#The-prior-embedding%3A-Eq.-%289%29)
# <!-- end of links -->

# %% tags=["hide-input"]
import numpy as np

from croco_np.costs.schemas import SCHEMAS
from croco_np.gradcheck import assert_ok, check
from croco_np.kernels.rows import sum_by_row
from croco_np.layers import Embeddings, Experts, LookUpExperts
from croco_np.teaching import catches, grade, show
from croco_np.teaching.pictures import chart, you_are_here
from croco_np.teaching.pictures.lesson02 import fields_of_a_table, look_up, two_brackets
from croco_np.teaching.pictures.lesson02_race import race
from croco_np.teaching.pictures.lesson02_sums import add_in_place, sort_and_reduce
from croco_np.tree import RowGrad

np.set_printoptions(precision=4, suppress=True)
BLUE, ORANGE = "#0072B2", "#D55E00"

# %% [markdown]
# Here is the whole tutorial on three rows. Step on: ids look up rows of a table `T`, and then gradients fall back into
# the rows that they came from.

# %% tags=["hide-input"]
table = np.array([[1.0, 10], [2, 20], [3, 30]])
ids = np.array([2, 0, 2])
dx = np.array([[1.0, 1], [2, 2], [4, 4]])
look_up(table, ids, dx)

# %% [markdown]
# ## A look-up is a linear layer
#
# A column of the data such as the user, the item or the tab is called a *field*. Its values are numbered 0, 1, ...; the
# number is the *id*. Every value owns a row of a *table*: its *embedding*, numbers that are learnt like weights. The
# blackboard has a table of 3 values with 2 numbers each, and a batch of 3 rows. Value 2 occurs twice, value 1 never.

# %%
table = np.array([[1.0, 10], [2, 20], [3, 30]])
ids = np.array([2, 0, 2])
x = table[ids]
print(x)

# %% [markdown]
# Write each id as a row of zeros with a single 1 at the place of the id: the *one-hot* matrix $N$, with $N_{iv} = 1$
# where row $i$ of the data has value $v$. Multiplying by it picks rows: $x = N T$, for $B$ rows of data, $V$ values and
# embeddings of width $E$. This is the linear layer of tutorial 1 with $N$ (B, V) as its input and $T$ (V, E) as its
# weights. So its gradient is known:
#
# $$dT = N^\top dx, \quad dT_v = \sum_{i \,:\, \mathrm{id}_i = v} dx_i .$$
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
# 1.9 billion entries, all but 4,096 of them 0.
#
# ## The line that loses gradients
#
# The sum by row looks like one line of NumPy. Compare with the right result above:

# %%
lossy = np.zeros_like(table)
lossy[ids] += dx
print(lossy)
np.testing.assert_array_equal(lossy, [[2, 2], [0, 0], [4, 4]])  # value 2: 4, and the 1 is gone

# %% [markdown]
# No error, no warning, right shape, and a gradient is missing. NumPy *reads* `lossy[ids]` into a new array, adds `dx`
# to that, and *writes* the result back. `np.add.at` reads and writes one place after the other, and is right. Step
# through both:

# %% tags=["hide-input"]
add_in_place(ids, dx, n_rows=3)

# %%
summed = np.zeros_like(table)
np.add.at(summed, ids, dx)
np.testing.assert_array_equal(summed, dT)

# %% [markdown]
# Ids that occur once come out right either way, so a test without repeated ids sees nothing. In real batches popular
# items repeat all the time, and they are the ones that lose.
#
# ## Sort, then reduce
#
# There is a way that needs no writing to shared places at all. Sort the places by id; then all places of one value
# stand together, and each stretch is summed by itself.

# %% tags=["hide-input"]
sort_and_reduce(np.array([2, 0, 5, 2, 0, 2]), np.array([1.0, 2, 4, 8, 16, 32]))

# %% [markdown]
# In NumPy, `np.add.reduceat` sums from each start to the next. On the blackboard:

# %%
order = np.argsort(ids, kind="stable")
rows, starts = np.unique(ids[order], return_index=True)
values = np.add.reduceat(dx[order], starts, axis=0)
sparse = RowGrad(rows, values)
print("rows that occur:", rows, " their stretches start at", starts)
print(values)
np.testing.assert_array_equal(sparse.dense(table.shape), dT)

# %% [markdown]
# What comes out has no row for value 1, which did not occur. With half a million rows in the table and a few thousand
# in the batch that is what one wants: a gradient that says which rows it speaks of, a `RowGrad`. Its `dense` fills in
# the zeros.
#
# Here is the layer. `np.unique` finds the rows that occur, and for each place the slot of its row among them; `gather`
# is `table[rows]` with the embeddings of all fields laid one after the other, and `sum_by_row` is `np.add.at`, number
# by number, for several fields and tables at once. It could be sort-and-reduce, had `reduceat` on a GPU not been made
# by subtracting running sums, which loses digits; there, a kernel of its own sorts and sums.

# %%
show(Embeddings.forward, Embeddings.backward, sum_by_row)

# %% [markdown]
# ## Many fields and M tables: Eq. (3)
#
# A model has $F$ fields, and Crocodile has $M$ tables for each of them, one for every *expert* (a stack of `Dense`
# layers; tutorial 3 mixes their outputs). They are the first box of the model; the box `prior` comes further down.

# %% tags=["hide-input"]
you_are_here("embeddings", "prior")

# %% [markdown]
# The input of expert $m$ is the embeddings of all fields from the tables number $m$, one after the other:
#
# $$x_m = [E_1^m[\mathrm{id}_1], \dots, E_F^m[\mathrm{id}_F]]$$
#
# All of it lives in *one* array of shape $(V, M, E)$, where $V$ now counts the values of all fields together. The
# fields lie below each other: value 0 of field 1 comes after the last value of field 0. The first row of a field is its
# *offset*. The $M$ embeddings of a value lie side by side, so one look-up fetches all $M$. ($E_f^m$ with indices is a
# table, $E$ alone a width. The formula counts fields from 1, as the paper does; code, pictures and text from 0.)

# %%
layer = Embeddings(vocabulary=(6, 4, 3), n_tables=2, width=3, std=1.0)
params = layer.init(np.random.default_rng(0))
ids = np.array([[5, 0, 1], [2, 0, 1], [2, 3, 1], [0, 0, 2], [2, 0, 2]])  # 5 rows of data, 3 fields
x, cache = layer.forward(params, ids)
print("offsets", layer.offsets, " table", params["table"].shape, " x", x.shape)

t = params["table"]
np.testing.assert_array_equal(x[3, 1], np.r_[t[0, 1], t[6 + 0, 1], t[10 + 2, 1]])  # row 3 of the data, second table

# %% [markdown]
# Go through the batch row by row, first forward, then backward with ones for `dx`: then the gradient of each number in
# the table counts how often its row was used.

# %% tags=["hide-input"]
fields_of_a_table(layer, params["table"], ids)

# %% tags=["hide-input"]
_, grads = layer.backward(cache, np.ones_like(x))
counts = grads["table"].dense(t.shape).reshape(13, 6)
np.testing.assert_array_equal(counts[:, 0], np.bincount(cache.rows.ravel(), minlength=13))
assert (counts[:, 0] == 0).sum() == 6  # rows that RowGrad does not hold

# %% [markdown]
# ## Bug 1: repeated ids keep the last gradient
#
# Plant the lossy line in the real layer. Only one leaf exists, `table`. Predict which of its entries are wrong.


# %% tags=["planted-bug"]
class KeepsLast(Embeddings):
    def backward(self, c, dx):
        table = np.zeros_like(c.p["table"])
        places = dx.reshape(len(dx), self.n_tables, len(self.vocabulary), self.width).swapaxes(1, 2)
        table[c.rows] += places  # wrong: reads all, then writes all
        return None, {"table": table}


catches(KeepsLast((6, 4, 3), 2, 3, std=1.0), params, (ids,), leaves={"table"})

# %% [markdown]
# Rows that were used once come out right. The checker names an entry by row, table and number: those it finds wrong are
# in rows that repeat, 2 (id 2 of field 0), 6 (id 0 of field 1), 11 and 12 (ids 1 and 2 of field 2). The same broken
# layer on two rows of data that share no value:

# %%
distinct = np.array([[5, 0, 1], [2, 3, 2]])
checks = check(KeepsLast((6, 4, 3), 2, 3, std=1.0), params, (distinct,), np.random.default_rng(0))
assert_ok(checks)
print(f"{len(checks)} checks passed, and the layer is broken")

# %% [markdown]
# A check proves something only where the mistake could show. The library's own cases have far more places than values,
# so that ids must repeat.
#
# ### At length: bug 2, offsets forgotten on the way back
#
# The forward pass adds the offsets; this backward forgets them. Ids of all fields are taken for rows 0, 1, 2, ... of
# field 0. The gradients of fields 1 and 2 are added to rows 0 to 3, and rows 6 to 12 get none. Of the rows that
# were used, only row 5 is right, since no other field has an id 5. The checker looks at some of the 78 entries: if one
# of row 5 is among them, it reports a mask or an index; if none is, it sees no pattern at all.


# %% tags=["planted-bug", "varies"]
class WithoutOffsets(Embeddings):
    def backward(self, c, dx):
        return super().backward(c._replace(rows=c.rows - self.offsets), dx)  # wrong: ids, not rows


catches(WithoutOffsets((6, 4, 3), 2, 3, std=1.0), params, (ids,), leaves={"table"})

# %% [markdown]
# Neither bug stops a training run: there is no exception and no NaN, and the layers above still learn. Now and then the
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


race(worker, added=(1, 4), orders=["AABB", "ABAB", "BAAB"], start=1)

# %% [markdown]
# The schedule A, B, A, B is read, read, write, write: B read 0 before A wrote 1, and A's *update is lost*. These are
# the 1 and the 4 of our blackboard, and `dT[ids] += dx` is this very schedule, for the whole batch at once. `run` lets
# two workers take turns as a schedule says, and then finish:


# %%
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


assert run("AABB", [(0, 1)], [(0, 4)]) == [5]
assert run("ABAB", [(0, 1)], [(0, 4)]) == [4]

# %% [markdown]
# How much is lost? Two workers each count 200 places into a table of $R$ rows, on random schedules. Everyone adds 1, so
# whatever the sums fall short of 400 has been lost.

# %% tags=["hide-input"]
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

label = (
    "Updates lost of 400 over the rows of the table. Where two workers share out the batch, a table of one row loses "
    "about 150, one of 300 rows hardly any, and twenty schedules scatter. Where they share out the rows, none is lost."
)
with chart(label, height=3) as picture:
    ax = picture.axes()
    for n, losses in zip(sizes, racing, strict=True):
        ax.plot(np.full(20, n), losses, ".", color=ORANGE, alpha=0.6)
    ax.plot(sizes, np.mean(racing, axis=1), "-", color=ORANGE, label="half of the batch each: a race")
    ax.plot(sizes, np.mean(owned, axis=1), "s-", color=BLUE, label="half of the rows each: owner computes")
    ax.set(xscale="log", xlabel="rows of the table", ylabel="updates lost, of 400")
    ax.set_xticks(sizes)
    ax.legend(loc="upper right")
picture

# %% [markdown]
# A race bites hardest where a field has few values: a domain's embedding is looked up by every row of that domain. And
# each run loses other updates, so results do not repeat.
#
# The cure is in the blue line. **Owner computes**: share out what is *written*, not what is read. Every thread looks at
# the whole batch but adds up only rows that are its own. No locks, nothing lost. And every sum is added up in the order
# of the batch, whatever the number of threads. That matters because adding rounds: on a computer, $(0.1 + 0.2) + 0.3$
# and $0.1 + (0.2 + 0.3)$ differ in the last bit.
#
# ### At length: owner computes, compiled
#
# The compiled *twin* of `sum_by_row` (`prange` is a loop whose turns run in parallel; each turn owns
# `OWNED` fields, and a row belongs to one field):

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

_, grads = prior.backward(cache, np.ones_like(e))
domain_0 = grads["table"].dense((14, 1, 2))[prior.offsets[2]]
np.testing.assert_array_equal(domain_0, [[3, 3]])  # three rows of the batch are in domain 0
assert_ok(check(prior, p_prior, (who_what_where,), np.random.default_rng(0)))

# %% [markdown]
# ## Few values: multiply before you look up
#
# An expert multiplies what was looked up by a weight matrix. For one field, $z = xW = (NT)W$ with $W$ of shape
# $(E, n)$. Products may be bracketed the other way:
#
# $$\begin{aligned}
# (N T) \, W &= N \, (T W) \\
# T[\mathrm{ids}] \, W &= (T W)[\mathrm{ids}]
# \end{aligned}$$
#
# On the left $B$ rows are multiplied, on the right $V$. Move the number of values:

# %% tags=["hide-input"]
two_brackets(batch=4096, width=16, outputs=64, vocabularies=(4, 16, 64, 128, 512, 1024, 2048, 4096))

# %% [markdown]
# Call the small product $P = TW$. Its backward pass is one you know twice over: first the sum of this tutorial, then
# the linear layer of the last one,
#
# $$\begin{aligned}
# dP &= N^\top dz \\
# dW &= T^\top dP \\
# dT &= dP \, W^\top
# \end{aligned}$$

# %% [markdown]
# With many fields, each has its own block of rows in $W$, and $z = \sum_f x_f W_f + b$. A field with many values (a
# *wide* one) is looked up and multiplied, a *narrow* one, of at most `few` = 128 values, the other way round. That is
# `LookUpExperts`. What does it save on AliCCP? The first layer of the default model has $M = 5$ experts, embeddings of
# width 16 and 64 outputs.

# %%
vocabulary = SCHEMAS["aliccp"].vocabulary
aliccp = LookUpExperts(Embeddings(vocabulary, 5, 16), Experts(5, (len(vocabulary) * 16, 64)))
narrow = aliccp.is_narrow
n_values = np.array(vocabulary)[narrow].sum()
before = 4096 * len(vocabulary) * 5 * 16 * 64
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
# ### At length: the layer that does it, beside the two that it replaces
#
# `projected` holds the small products, one for each narrow field; `add_rows` looks them up and adds them to $z$.

# %%
show(LookUpExperts.forward)

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

# %% [markdown]
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
# Both ways side by side, on a batch of 4,096 rows of a field with four values:

# %%
rng = np.random.default_rng(3)
T, W = rng.standard_normal((4, 16)), rng.standard_normal((16, 64))
ids, dz = rng.integers(0, 4, 4096), rng.standard_normal((4096, 64))

dx = dz @ W.T  # the long way: look up, then multiply
long_dT = np.zeros_like(T)
np.add.at(long_dT, ids, dx)

P = T @ W  # the short way: multiply, then look up
dP = np.zeros_like(P)
np.add.at(dP, ids, dz)
np.testing.assert_allclose(P[ids], T[ids] @ W, atol=1e-12)
np.testing.assert_allclose(T.T @ dP, T[ids].T @ dz, atol=1e-10)
np.testing.assert_allclose(dP @ W.T, long_dT, atol=1e-10)

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
