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
# # 9. Make it fast
#
# **What you will do.** Count the operations and bytes of a training step, meet what makes it slower than these counts
# allow, and measure each phase of a step of Crocodile against its own limit.
#
# **What you will learn.** What arithmetic limits and what memory does; how a *twin* of a function is kept honest; what
# loop order and races cost; three ways of doing less.
#
# **What you need.** Tutorials 1 and 2; 4 and 5 help. Cells that measure print other numbers on every machine; figures
# quoted in the text are from two cores.
#
# **Equations:** Eq. (4), Eq. (6): what they cost
#
# <!-- links: written by python -m tutorials.publish.equations -->
# - [Eq. (4)](reference/equations.md#eq-4):
#   [`Experts`](../croco_np/layers/experts.py#L83), [test by hand](../tests/layers/test_by_hand.py#L38),
#   [in this lesson](#Two-limits)
# - [Eq. (6)](reference/equations.md#eq-6):
#   [`covariance`](../croco_np/losses/covariance.py#L10), [test by hand](../tests/layers/test_by_hand.py#L65),
#   [in this lesson](#Two-limits)
# <!-- end of links -->

# %% tags=["hide-input"]
import contextlib
import io
import mmap
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np

import croco_np
from croco_np.bench.floor import Floor
from croco_np.bench.ours import Ours
from croco_np.bench.phases import breakdown
from croco_np.bench.workloads import WORKLOADS
from croco_np.costs.products import forward_products
from croco_np.costs.schemas import SCHEMAS
from croco_np.kernels.relu import relu_backward
from croco_np.kernels.rows import sum_by_row
from croco_np.kernels.twin import numba, using
from croco_np.layers import Dense, Embeddings, Experts, LookUpExperts
from croco_np.machine import threads
from croco_np.machine.cpu import cores
from croco_np.optim import Adam
from croco_np.teaching import catches, grade, show
from croco_np.teaching.pictures import chart
from croco_np.teaching.pictures.lesson09 import lines_of_memory, owners, roofline
from croco_np.teaching.source import Source
from croco_np.tree import RowGrad

croco_np.tune()  # what it does, and why, is told further down
np.set_printoptions(precision=4, suppress=True)
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#999999"


def milliseconds(run, repeats=5):
    """Median time of a call, after one that does not count."""
    taken = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        run()
        taken.append(1e3 * (time.perf_counter() - started))
    return np.median(taken[1:])


# %% [markdown]
# ## Two limits
#
# A processor multiplies, and it fetches; whichever takes longer is the limit. Move the number of rows of a product
# (rows, 368) by (368, 512) and see where it stands, on a processor that can do 80 billion operations a second and whose
# memory delivers 10 billion bytes:

# %% tags=["hide-input"]
roofline()

# %% [markdown]
# On the blackboard: a layer $y = xW$ with $B = 4$ rows, 3 inputs and 2 outputs. Every output is a sum of 3 products, so
#
# $$2 \cdot 4 \cdot 3 \cdot 2 = 48 \text{ operations}, \qquad
#   4\,(4 \cdot 3 + 3 \cdot 2 + 4 \cdot 2) = 104 \text{ bytes}$$
#
# when an addition and a multiplication count one each, and every float32 number, 4 bytes, moves once. The backward
# takes two more products of the same size, $dW = x^T dy$ and $dx = dy\, W^T$: *training costs three times the forward
# pass*.
#
# What matters is operations *per byte*. With $m$ rows, $k$ inputs and $n$ outputs it is $2mkn / 4(mk + kn + mn)$.


# %%
def operations_per_byte(m, k, n):
    return 2 * m * k * n / (4 * (m * k + k * n + m * n))


print(f"blackboard layer  {operations_per_byte(4, 3, 2):8.2f} operations a byte")
print(f"a real layer      {operations_per_byte(4096, 368, 512):8.2f}")
print(f"ReLU backward     {1 / 12:8.2f}")

# %% [markdown]
# The large product has a hundred operations for each byte: arithmetic limits it. What works number by number (ReLU,
# bias, Adam, look-ups) is limited by memory. ReLU backward compares one number for three that move, $y$, $dy$ and $dz$:
# 12 bytes. The practical rule: *count operations for products, bytes for everything else*.
#
# Which products does a training step of Crocodile take? The library finds out by watching a forward pass:

# %% tags=["hide-input"]
full = WORKLOADS["aliccp"]
schema = replace(full.schema, vocabulary=tuple(min(n, 20_000) for n in full.schema.vocabulary))
workload = replace(full, schema=schema).with_options(batch_size=1024, n_experts=4, expert_sizes=(256, 128))
ours = Ours(workload)  # made-up rows of AliCCP's shape, tables cut to 20,000 values a field
shapes, _ = forward_products(ours.trainer.model, ours.state.params, ours.batches[0])
for shape in shapes[:2]:
    print(f"{shape.copies} products {shape.m} x {shape.k} x {shape.n}: {shape.flop / 1e9:.2f} GFLOP")
experts = shapes[:2]
towers_and_gates = shapes[2:]
print(f"and {len(towers_and_gates)} of gates and towers: {sum(s.flop for s in towers_and_gates) / 1e9:.2f} GFLOP")

B, M, F, E = 1024, 4, len(schema.fields), 16
assert [s.flop for s in experts] == [2 * B * M * (F * E) * 256, 2 * B * M * 256 * 128]  # Eq. (4), layer by layer
floor = Floor(ours.trainer, ours.state.params, ours.batches[0])
of_covariance = 3 * B * (M * 128) ** 2  # Eq. (6): Z^T Z, symmetric, B n^2 (*Doing less*); Z times signs, 2 B n^2
assert floor.flop == 3 * sum(s.flop for s in shapes) + of_covariance
print(f"a training step: {floor.flop / 1e9:.2f} GFLOP, CovLoss {of_covariance / floor.flop:.0%} of it")

# %% [markdown]
# These products at the machine's best rate are the *floor*: no program that computes the equations as written can be
# faster. (Training runs a twin of the model that leaves some products out, see *Doing less*.)
#
# ## A reference and its twin
#
# NumPy is fast in products and slow in chains of small steps: each writes a whole array to memory and the next one
# fetches it again. A loop that does all of them while the number is at hand is better, and Numba compiles such loops.
# The price is a second text that could be wrong. So each kernel here is *defined* in NumPy, and the loop, its twin,
# stands right under it:

# %%
show(relu_backward)

# %%
show(relu_backward.twin.py_func) if numba else Source("Numba is not installed: references only")

# %%
rng = np.random.default_rng(0)
y = np.maximum(rng.standard_normal((200, 7)), 0)
dy = rng.standard_normal(y.shape)
results = {}
for side in ("numpy", "numba"):
    with using(side):
        results[side] = relu_backward(y, dy)
for a, b in zip(*results.values(), strict=True):
    assert np.allclose(a, b, rtol=1e-12, atol=1e-12)
print("reference and twin agree")

# %% [markdown]
# Tests do this for every kernel. The gradient checker differentiates references by complex step and runs twins in its
# central differences: the definition is tested against its slope, the twin against the definition.
#
# ### Planted bug: `>=` for `>`
#
# After a ReLU no $y$ is negative, so `y >= 0` is always true, the mask is gone, and every gradient passes. What is
# wrong then? Everything below the ReLU: weights, bias and input.

# %% tags=["planted-bug"]


class LeakyMask(Dense):
    def backward(self, c, dy):
        dz = np.where(c.y >= 0, dy, 0)  # wrong: true everywhere
        return dz @ c.p["W"].T, {"W": c.x.T @ dz, "b": dz.sum(axis=0)}


assert not np.allclose(np.where(y >= 0, dy, 0), relu_backward.reference(y, dy)[0])
layer, x = LeakyMask(5, 3), rng.standard_normal((12, 5))
catches(layer, layer.init(rng), (x,), leaves={"W", "b", "input 0"})

# %% [markdown]
# ## Loop order
#
# An array lies in memory row after row, and memory is fetched in *lines* of 64 bytes, 16 float32 numbers. Walk along a
# row, and each fetched line serves 16 steps. Walk down a column, and each step needs another line; when you come back
# for the neighbour, the line may have left the cache. (In the picture a line holds 4 numbers and the cache 4 lines.)

# %% tags=["hide-input"]
lines_of_memory()

# %% [markdown]
# On a real array of 1024 by 1024 numbers:

# %% tags=["varies", "hide-input"]
rows = columns = 1024
y = np.maximum(rng.standard_normal((rows, columns), np.float32), 0)
dy = rng.standard_normal((rows, columns), np.float32)
dz = np.zeros_like(dy)  # every page touched once before the walk


def along_rows():
    for i in range(rows):
        np.multiply(dy[i], y[i] > 0, out=dz[i])


def down_columns():
    for j in range(columns):
        np.multiply(dy[:, j], y[:, j] > 0, out=dz[:, j])


print(f"down columns takes {milliseconds(down_columns) / milliseconds(along_rows):.1f} times as long as along rows")

# %% [markdown]
# The same operations, several times the time. Why would anybody walk down columns? For the bias: $db_j = \sum_i
# dz_{ij}$, and if threads share out the *columns*, each owns its sums. That was this library's first twin. Now each
# thread takes a stretch of *rows* and adds to sums of its own, which are added at the end: look for `PARTS` above.
#
# Why 64 parts always, and not one for each thread? Because adding in another order gives another number:

# %%
a, b, c = np.float32(1e8), np.float32(1), np.float32(-1e8)
print("(a + b) + c =", (a + b) + c, "   (a + c) + b =", (a + c) + b)

if numba:
    n_threads, sums = numba.get_num_threads(), []
    for n in (1, n_threads):
        numba.set_num_threads(n)
        sums.append(relu_backward(y, dy)[1])
    assert np.array_equal(*sums)  # to the last bit
    print("one thread or all: the same bits")

# %% [markdown]
# ## Races, and who owns what
#
# The backward of a look-up adds: `sums[slots[i]] += d[i]`. That is three steps: read the sum, add, write it back
# (tutorial 2). Two workers that split the *batch* between them can both read the same old sum, and then one of the
# writes is lost. If they split the *sums*, they cannot:

# %% tags=["hide-input"]
owners()

# %% [markdown]
# A real race strikes at random. To study it, play it: two workers in step, each with its half of the batch.
#
# ### Planted bug: a lost update
#
# *Predict:* ids have no gradient, so only `table` can be wrong; and only in rows that both workers held at the same
# moment. Everywhere else the gradient is right, and the checker should say so.

# %% tags=["planted-bug"]


class RacingEmbeddings(Embeddings):
    def backward(self, c, dx):
        table, half = np.zeros_like(c.p["table"]), len(dx) // 2
        d = dx.reshape(len(dx), self.n_tables, -1, self.width).swapaxes(1, 2)  # (B, F, M, E)
        for first, second in zip(range(half), range(half, len(dx)), strict=True):
            for f in range(c.rows.shape[1]):
                row1, row2 = c.rows[first, f], c.rows[second, f]
                read1, read2 = table[row1].copy(), table[row2].copy()  # both read ...
                table[row1] = read1 + d[first, f]
                table[row2] = read2 + d[second, f]  # wrong: ... so where row1 == row2 worker 1's sum is lost
        return None, {"table": table}


racing, ids = RacingEmbeddings((8,), n_tables=1, width=2), np.array([[0], [1], [2], [3], [4], [1], [6], [3]])
racing_params = racing.init(rng)
dx = np.ones((8, 1, 2))
print("sums:", racing.backward(racing.forward(racing_params, ids)[1], dx)[1]["table"][:, 0, 0])
print("true:", np.bincount(ids[:, 0], minlength=8))
catches(racing, racing_params, (ids,), leaves={"table"})

# %% [markdown]
# Rows 1 and 3 were held by both workers at once, and the hint points at them: "a lost duplicate". With two real threads
# that added 100,000 vectors into 1,000 rows, 6 to 9 of a hundred were lost. No error appears, and two runs differ.
#
# The cure is not a lock. It is the rule *whoever writes, owns*: split the work by what is **written**. In `sum_by_row`
# a thread owns whole fields. A row belongs to one field, so no two threads ever write to one row; each walks over the
# whole batch and picks its own.
#
# ### At length: the loop in which each thread owns its rows

# %%
show(sum_by_row.twin.py_func) if numba else Source("Numba is not installed: references only")

# %% [markdown]
# ## At length: fresh pages
#
# A new array costs more than its bytes. The operating system hands memory out in pages (of 4 KiB, usually), and at the
# first touch of each it interrupts the program, finds a page and clears it. A training step that makes 100 MB of
# temporaries touches 25,000 pages, at each step anew, if the C library gives them back each time.

# %% tags=["varies"]
SIZE = 1 << 24  # 16 MiB


def fill_fresh():
    np.frombuffer(mmap.mmap(-1, SIZE), np.uint8)[:] = 1


reused = np.ones(SIZE, np.uint8)
ratio = milliseconds(fill_fresh) / milliseconds(lambda: reused.fill(1))
print(f"filling fresh memory takes {ratio:.0f} times as long as filling the same again")

# %% [markdown]
# Ten times and more, usually. You can reuse buffers by hand, which makes code ugly; this library tells the C library
# once to keep its pages ([heap.py](../croco_np/machine/heap.py)), and goes on writing `np.empty`. It does so when a
# command starts, or when a program calls `croco_np.tune()`.
#
# ## At length: thread pools at peace
#
# A step alternates between products (the BLAS library's threads) and twins (Numba's threads). Each pool likes to keep
# its workers *spinning* when there is nothing to do, so that they are quick to start. A spinning worker occupies a core
# that the other pool needs. On two cores a step of Crocodile took 2.9 times as long with workers told to spin
# (`OMP_WAIT_POLICY=active`), and twice as long with nothing set at all (`CROCO_NP_AS_IS=1`). The remedy are settings
# in the environment, which each library reads once, when it loads. Commands such as `python -m croco_np.train` make
# them for themselves, and the heap's with them. A notebook or a program of your own keeps what it has until it calls
# `croco_np.tune()`, as this one did in its first cell. Call it again, and it says what it did:

# %% tags=["varies"]
print(croco_np.tune())

# %% [markdown]
# `OMP_WAIT_POLICY=passive` sends Numba's workers to sleep between two parallel regions, `OPENBLAS_THREAD_TIMEOUT`
# shortens the time that those of OpenBLAS spin. What you set yourself stays. In a script, call it before NumPy is
# imported; what comes later than that, the second line names.

# %% tags=["varies", "hide-input"]
theirs = {k: v for k, v in os.environ.items() if k not in threads.wanted()}  # a shell that sets none of them
command = [sys.executable, "-m", "croco_np.doctor"]
print(subprocess.run(command, env=theirs, capture_output=True, text=True, check=False).stdout)

# %% [markdown]
# `python -m croco_np.doctor` measures whether it worked: the line `pools` times a product right after a parallel region
# and alone. Near 1 is peace.
#
# ## A step against its limits
#
# Now measure; `loss` is CovLoss. Each phase is held against its own limit: operations over the rate of products, plus
# bytes over the rate of memory, both measured in turns with the steps.

# %% tags=["varies", "hide-input"]
for i in range(3):
    ours.step(i)  # the first one compiles
with contextlib.redirect_stdout(io.StringIO()):  # without progress lines
    parts = breakdown(ours, cores(), repeats=5)
phases = {name: p for name, p in parts.phases.items() if p.ms > 0.05}
print(f"a step {1e3 * parts.plain.median:.0f} ms; products {parts.gemm / 1e9:.0f} GFLOP/s, memory", end=" ")
print(f"{parts.memory / 1e9:.0f} GB/s: {parts.gemm / parts.memory:.0f} operations in the time of a byte")
print(f"floor: {1e3 * floor.flop / parts.gemm:.0f} ms")
together = sum(p.ms for p in parts.phases.values())
if not 0.9 < together / (1e3 * parts.plain.median) < 1.1:  # phases and steps are timed in turns
    print(f"The phases add up to {together:.0f} ms: another program was busy. Run this cell again before you trust it.")
for name, p in phases.items():
    limit = f"limit {p.limit_ms:7.2f} ms   {p.limit}" if p.limit else "nothing counted"
    print(f"{name:<18} {p.ms:7.2f} ms   {limit}")

# %% tags=["varies", "hide-input"]
order = sorted(phases, key=lambda name: phases[name].ms)
with chart(
    "a line for each phase of a step: a tick at its limit, a dot at its time, in ms, the longest on top", 4
) as c:
    ax = c.axes()
    for at, name in enumerate(order):
        p = phases[name]
        colour = BLUE if "FLOP" in p.limit else ORANGE if p.limit else GREY
        if p.limit_ms:
            ax.plot([p.limit_ms, p.ms], [at, at], color=colour, lw=3)
            ax.plot(p.limit_ms, at, "|", color=colour, ms=16, mew=2.5)
        ax.plot(p.ms, at, "o", color=colour, ms=8)
    for colour, label in ((BLUE, "with products"), (ORANGE, "bytes only"), (GREY, "not counted")):
        ax.plot([], [], "o", color=colour, label=label)
    ax.set_yticks(range(len(order)), order)
    ax.set_xscale("log")
    ax.set_xlabel("ms a step (tick: limit)")
    ax.legend(loc="lower right")
c

# %% [markdown]
# A dot on its tick can hardly move left by better code, only by doing less. A dot far to the right of its tick is worth
# a look, *if it is high up*: halving a phase that takes a tenth of the step gains a twentieth. Some dots lie left of
# their tick: what is still in a cache need not come from memory.
#
# ## Doing less
#
# Three places where this library does not compute what the equations seem to ask for.
#
# **Half of a symmetric product.** CovLoss (Eq. (6)) needs $C = Z^T Z$, and $C_{ij} = C_{ji}$. BLAS has a routine for
# this case, SYRK, that computes one half. NumPy takes it, and copies the half to the other side, when it sees that both
# factors are *the same array*. So `z.T @ z` is cheaper than `z.T @ copy_of_z`: $B n^2$ operations for $2 B n^2$.

# %%
o = rng.standard_normal((512, 4, 64))
z = o.reshape(len(o), -1)
C = z.T @ z
assert np.array_equal(C, C.T)  # not close: the mirrored half is a copy

# %% tags=["varies", "hide-input"]
z = rng.standard_normal((4096, 640), np.float32)
copy = z.copy()
print(f"the half takes {milliseconds(lambda: z.T @ z) / milliseconds(lambda: z.T @ copy):.2f} of the time of the whole")

# %% [markdown]
# **Narrow fields once a value.** A look-up followed by a product is linear, $E[id]\, W = (E W)[id]$ (Tutorial 2). A
# field with 3 values in a batch of 1024 rows is multiplied 3 times in place of 1024. Models have twins as kernels have:
# `Crocodile` is the definition, and `FusedCrocodile` uses this in training; a test compares outputs and all gradients
# of both.
#
# **Adam that catches up.** Textbook Adam moves *every* row of a table at every step, also rows that no batch touches,
# because their moments still fade. With a million rows that is most of the bytes of a step. But nobody sees an idle
# row. So leave it, remember when it was last up to date, and make up for the missed steps when a batch needs it
# (exercise 9.3). [idle.py](../croco_np/kernels/idle.py) derives the sum of the missed steps; the optimiser called
# `lazy_adam`, which many libraries have, skips them instead, and is another optimiser.
#
# Notice the order of this tutorial. First count; then find out what keeps you from the count; then lower the count.
# Whoever begins with the third writes clever code for a phase that takes a hundredth of the step.
#
# ### At length: both short cuts, checked
#
# How many of AliCCP's fields are narrow enough to be multiplied once a value? (The benchmark has 23 fields: the 17 of
# tutorial 2 and six wide ones.)

# %%
few = LookUpExperts(Embeddings((2,), 1, 1), Experts(1, (1, 1))).few
narrow = [n for n in full.schema.vocabulary if n <= few]
assert F == len(SCHEMAS["aliccp"].fields) + 6 == 23
print(f"{len(narrow)} of {F} fields have at most {few} values: {sorted(narrow)}")
textbook = B * M * F * E * 256
ours_at_most = (B * (F - len(narrow)) + sum(narrow)) * M * E * 256
print(f"multiplications of the first layer: {ours_at_most / textbook:.0%} of the textbook's, at most")

embeddings, layers = Embeddings((300, 3, 5), 2, 4, std=1.0), Experts(2, (12, 6))
both = LookUpExperts(embeddings, layers)
p = both.init(rng)
ids = np.stack([rng.integers(0, n, 50) for n in embeddings.vocabulary], axis=1)
with using("numpy"):  # references, which need no compiling
    x, _ = embeddings.forward(p["embeddings"], ids)
    assert np.allclose(layers.forward(p["experts"], x)[0], both.forward(p, ids)[0], atol=1e-12)
print("looked up then multiplied, or multiplied then looked up: equal")

# %% [markdown]
# And the table that Adam leaves when it catches up is the table of textbook Adam:

# %%
V, STEPS, USED = 5000, 60, 64
adam, start, target = Adam(lr=0.01), rng.standard_normal((V, 4)), rng.standard_normal((V, 4))
batches = [np.unique((V ** rng.random(USED)).astype(int) - 1) for _ in range(STEPS)]


def train(deferred):
    params = {"table": start.copy()}
    state, visits = adam.init(params), 0
    for rows in batches:
        if deferred:
            adam.catch_up(params, [("table", rows)], state)
        grad = RowGrad(rows, params["table"][rows] - target[rows])
        grads = {"table": grad if deferred else grad.dense((V, 4))}  # dense: the textbook, all rows at every step
        adam.step(params, grads, state, defer=deferred)
        visits += 2 * len(rows) if deferred else V
    if deferred:
        visits += int((state["last"]["table"] > 0).sum())
        adam.settle(params, state)
    return params["table"], visits


with using("numpy"):
    everything, visits_all = train(deferred=False)
    late, visits_late = train(deferred=True)
assert np.allclose(everything, late, rtol=0, atol=1e-12)
print(f"the same table, with at most {visits_late:,} visits to rows in place of {visits_all:,}")

# %% [markdown]
# The same optimiser, to rounding, at a cost that follows the rows in use and not the size of the table:
# [idle_series.py](../croco_np/kernels/idle_series.py) computes the sum in closed form.
#
# ## Exercises
#
# **9.1.** Count a *training* step of one dense layer, $m$ rows, $k$ inputs, $n$ outputs: `(operations, bytes)`.
# Operations of the three products $xW$, $x^T dz$, $dz\, W^T$ only; bytes when each product reads its two factors and
# writes its result once, in float32.

# %%


def count_training(m, k, n):
    raise NotImplementedError


grade("9.1", count_training)

# %% [markdown]
# **9.2.** Scatter without a race. Several workers run `add_mine(sums, slots, d, worker, n_workers)` at once; together
# they must add every `d[i]` `(B, E)` to `sums[slots[i]]` `(R, E)`, in place; no two workers may ever write to the same
# row, and each gets a fair share of the rows. (A plain Python loop will do.)

# %%


def add_mine(sums, slots, d, worker, n_workers):
    raise NotImplementedError


grade("9.2", add_mine)

# %% [markdown]
# **9.3.** Gradient descent with momentum: $m \leftarrow \beta m + g$, then $w \leftarrow w - \eta\, m$. A row was idle,
# $g = 0$, for $k$ steps. Write what the $k$ steps do to it without a loop; `k` is an array, one count for each entry of
# `w` and `m`, and may hold zeros. Return the new `(w, m)`.

# %%


def catch_up(w, m, k, lr, beta):
    raise NotImplementedError


grade("9.3", catch_up)

# %% [markdown]
# ## Further reading
#
# * Williams, Waterman, Patterson, *Roofline: An Insightful Visual Performance Model for Multicore Architectures*, CACM
#   2009
# * McCalpin, *Memory Bandwidth and Machine Balance in Current High Performance Computers*, 1995: the STREAM benchmark
# * Drepper, *What Every Programmer Should Know About Memory*, 2007
# * Goldberg, *What Every Computer Scientist Should Know About Floating-Point Arithmetic*, 1991
# * [twin.py](../croco_np/kernels/twin.py), [kernels](../croco_np/kernels),
#   [threads.py](../croco_np/machine/threads.py), [tuning.py](../croco_np/machine/tuning.py),
#   [lookup.py](../croco_np/layers/lookup.py), [idle.py](../croco_np/kernels/idle.py); `python -m croco_np.bench --help`
#
# Next: [Teach it](10_teach_it.ipynb)
