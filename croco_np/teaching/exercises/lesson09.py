"""Checks of tutorial 9: counting, scattering without a race, catching up."""

from collections.abc import Callable

import numpy as np

from ..compare import is_number, mistaken, same
from ..grading import exercise
from ..guard import parts


@exercise("9.1", "(operations, bytes) of a training step of one dense layer")
def count_training(answer: Callable) -> str | None:
    for m, k, n in ((4, 3, 2), (4096, 368, 512), (7, 1, 5)):
        said = parts(answer(m, k, n), "operations", "bytes")
        if not all(map(is_number, said)):
            return "Return a tuple of two numbers, (operations, bytes)."
        one, arrays = m * k * n, m * k + k * n + m * n
        operations, moved = 6 * one, 3 * 4 * arrays
        if said == (moved, operations):
            return "The two are the other way round: first operations, then bytes."
        if said[0] != operations:
            factor = said[0] / operations
            return mistaken(said[0], *_operation_mistakes(m, k, n)) or (
                f"For m={m}, k={k}, n={n} your operations are {factor:.3g} times the right ones: count + and *."
            )
        if said[1] != moved:
            return mistaken(said[1], *_byte_mistakes(arrays)) or (
                f"For m={m}, k={k}, n={n} the bytes are wrong: which three arrays does each of three products move?"
            )
    return None


def _operation_mistakes(m, k, n):
    one = m * k * n
    return [
        (2 * one, "These are the operations of the forward pass, x W, alone: the backward takes two more products."),
        (
            3 * one,
            "A sum of k products takes an addition and a multiplication for each term, and both count: this counts one "
            "of them, in three products.",
        ),
        (
            4 * one,
            "These are two products. There are three: x W in the forward, and two in the backward, one for each of its "
            "factors.",
        ),
        *(
            (
                strictly,
                "A sum of k products takes k - 1 additions, strictly speaking. The text counts an addition with each "
                "multiplication, as nearly everybody does.",
            )
            for strictly in (3 * m * n * (2 * k - 1), 6 * one - m * k - k * n - m * n)
        ),
        (one, "This is one product with + and * counted as one: there are three products, and both count."),
    ]


def _byte_mistakes(arrays):
    return [
        (8 * arrays, "The bytes are those of the factors that are read: each product writes its result, too."),
        (24 * arrays, "The bytes are those of float64: a float32 number has 4."),
        (3 * arrays, "This counts numbers, and each of them has 4 bytes."),
        (
            4 * arrays,
            "Each array is counted once here, as in the forward pass alone. There are three products, and each of them "
            "moves three arrays.",
        ),
    ]


@exercise(
    "9.2", "add d to the sums of the rows in slots, each worker to rows of its own, all workers at work", writes=(0,)
)
def add_mine(answer: Callable) -> str | None:
    rng = np.random.default_rng(92)
    slots = rng.permutation(np.r_[np.delete(np.arange(24), 11), rng.integers(0, 11, 17)])  # 11 and 24 are in none
    d, start = rng.standard_normal((40, 3)), rng.standard_normal((25, 3))
    used = np.unique(slots)
    for n_workers in (2, 1, 3, 16):
        written, together = np.zeros((n_workers, 25), bool), start.copy()
        for worker in range(n_workers):
            blank = np.full((25, 3), -0.0)  # whatever is written, + 0 included, changes at least the sign
            answer(blank, slots.copy(), d.copy(), worker, n_workers)
            written[worker] = (~np.signbit(blank) | (blank != 0)).any(axis=1)
            answer(together, slots.copy(), d.copy(), worker, n_workers)
        told = _who_writes(written, used, slots) or _what_is_written(together, start, slots, d, n_workers)
        if told:
            return told
    return None


def _who_writes(written, used, slots):
    """What is wrong with who writes to which rows: written (workers, rows)."""
    n_workers, writers = len(written), written.sum(axis=0)
    strange = np.setdiff1d(np.flatnonzero(writers), used)
    if not writers.any():
        return f"With {n_workers} workers, nobody writes to any row: add to sums in place, `sums[...] += ...`."
    if len(strange) and written[0].all():
        return (
            "Worker 0 writes to every row of sums, those of the others too: `sums += ...` and `sums[:] = ...` read "
            "and write the whole array. Write to single rows."
        )
    if len(strange):
        return f"Row {strange[0]} is written, and occurs in no slot: write to rows that occur, and only to add to them."
    if (writers > 1).any():
        row = int(np.argmax(writers > 1))
        first, second = np.flatnonzero(written[:, row])[:2]
        told = f"With {n_workers} workers, row {row} is written by workers {first} and {second}: a race. "
        if written[:, used].all():
            return told + "Every worker adds everything: nothing says which part of the work is whose."
        return told + (
            f"It occurs {(slots == row).sum()} times in slots, and the occurrences have been shared out. Share out "
            "what is written, rows, not what is read, the batch."
        )
    left = used[writers[used] == 0]
    if len(left):
        told = f"With {n_workers} workers, nobody writes to {len(left)} of {len(used)} rows, row {left[0]} first. "
        if len(left) < n_workers:
            return told + "Who owns what is left over when the rows are divided by the workers?"
        return told + "Every row needs an owner, however few workers there are."
    share = written.sum(axis=1).max() / len(used)
    if 1 < n_workers <= 3 and (share > 0.8 or not written.any(axis=1).all()):
        most = int(written.sum(axis=1).argmax())
        return (
            f"No race, but no help either: with {n_workers} workers, worker {most} writes to {share:.0%} of the rows. "
            "Share the rows out, so that each worker has its part."
        )
    return None


def _what_is_written(together, start, slots, d, n_workers):
    """What is wrong with the sums when all workers are done."""
    alone = np.zeros_like(start)
    np.add.at(alone, slots, d)
    if same(together, start + alone):
        return None
    last = start.copy()
    last[slots] += d  # as NumPy does it: one of several equal indices wins
    anew, first = np.where(np.isin(np.arange(len(start)), slots)[:, None], alone, start), start.copy()
    for i in range(len(slots) - 1, -1, -1):
        first[slots[i]] = start[slots[i]] + d[i]
    assigned = start.copy()
    assigned[slots] = d
    told = mistaken(
        together,
        *[
            (
                last,
                "A row that occurs twice gets one of its gradients only: `sums[rows] += d[...]` reads all old sums "
                "first and writes then, as two workers in a race would.",
            ),
            (first, "A row that occurs twice gets the first of its gradients only."),
            (anew, "What sums held before is lost: add to it."),
            (assigned, "The last gradient of a row takes the place of the sum: `+=`, not `=`."),
            (start - alone, "The gradients are subtracted; they are to be added."),
        ],
    )
    return told or (
        f"With {n_workers} workers, sums are wrong: is d added to what they hold, and does a row that occurs twice "
        "get both its gradients?"
    )


@exercise("9.3", "(w, m) after k idle steps of momentum, without a loop")
def catch_up(answer: Callable) -> str | None:
    rng = np.random.default_rng(93)
    k = np.array([0, 1, 2, 5, 40, 300])
    for lr, beta in ((0.1, 0.8), (0.3, 0.95)):  # lr, 1 - beta, their ratio and beta are all different, and none is 1
        start, moment = rng.standard_normal((2, 6))
        w, m = start.copy(), moment.copy()
        for step in range(k.max()):
            m = np.where(step < k, beta * m, m)
            w = np.where(step < k, w - lr * m, w)
        said = parts(answer(start.copy(), moment.copy(), k.copy(), lr, beta), "w", "m")
        if np.shape(said[0]) != w.shape or np.shape(said[1]) != m.shape:
            return "Return a tuple (w, m), both with the shape they came in."
        if same(said[0], m) and same(said[1], w):
            return "w and m are the other way round."
        if same(said[0], start) and same(said[1], moment):
            return "Nothing has moved: with g = 0 the moment fades, and while it is not 0 it goes on moving w."
        if not same(said[1], m):
            told = mistaken(said[1], *_moment_mistakes(moment, k, beta))
            return told or "m is wrong: what is left of it after k steps with g = 0?"
        if not same(said[0], w):
            at = int(np.argmax(~np.isclose(said[0], w)))
            told = mistaken(said[0], *_weight_mistakes(start, moment, k, lr, beta))
            return told or (
                f"w is wrong, for k = {k[at]} first. Write the steps of k = 1 and 2 out: which powers of beta occur?"
            )
    return None


def _moment_mistakes(moment, k, beta):
    return [
        (moment * beta ** k.max(), "All entries fade by the largest k; each has a k of its own, k[i] for m[i]."),
        (moment, "m is as it was: with g = 0 each step leaves beta m of it."),
        (beta * moment, "m fades once; it fades in each of the k steps."),
        (beta * k * moment, "m fades by beta in each step, beta times beta times ...; here it is beta times k."),
        (moment * beta ** (k + 1), "m fades once too often: for k = 0 it has to stay as it is."),
        (0 * moment, "m is 0: it fades, and is small after many steps, but not at once."),
    ]


def _weight_mistakes(start, moment, k, lr, beta):
    series = (1 - beta**k) / (1 - beta)  # 1 + beta + ... + beta^(k-1)
    return [
        (start, "w has not moved: while m fades it goes on moving w."),
        (
            start - lr * moment * series,
            "w moves before m fades: the first idle step moves it by lr beta m, not by lr m.",
        ),
        (
            start - moment * beta * (1 - beta**k),
            "w does not depend on lr: the factor of the geometric series is lr / (1 - beta).",
        ),
        (start - lr * moment * beta * (1 - beta**k), "w lacks the factor 1 / (1 - beta) of the geometric series."),
        (start - moment * beta * series, "w lacks the step size lr."),
        (
            start - k * lr * beta * moment,
            "Every idle step moves w by the same lr beta m here: the second one moves it by lr beta^2 m.",
        ),
        (start - k * lr * moment, "Every idle step moves w by lr m here: m has faded before each of them."),
        (start - lr * moment * beta**k, "w moves once, by the last of the k steps: the steps before moved it as well."),
        (
            start - lr * moment * beta**k * beta * series,
            "The sum begins with the m that has faded already, after k steps; it begins with the m that came in.",
        ),
        (start + lr * moment * beta * series, "w goes the wrong way: a step subtracts lr m."),
        (
            start - lr * moment * beta * (1 - beta ** (k + 1)) / (1 - beta),
            "It is one step too many: the powers are 1 to k.",
        ),
        (
            start - lr * moment * beta * (1 - beta ** (k - 1.0)) / (1 - beta),
            "It is one step too few: the powers are 1 to k, k of them.",
        ),
        (
            start - lr * moment * beta / (1 - beta),
            "The sum has no end here, as after ever so many steps: after k of them it is cut off.",
        ),
    ]
