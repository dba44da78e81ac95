"""Checks of tutorial 9: counting, scattering without a race, catching up."""

from collections.abc import Callable

import numpy as np

from ..compare import is_number, mistaken, same
from ..grading import exercise
from ..guard import parts
from ..mistakes.lesson09 import byte_mistakes, moment_mistakes, operation_mistakes, sum_mistakes, weight_mistakes


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
            return mistaken(said[0], *operation_mistakes(m, k, n)) or (
                f"For m={m}, k={k}, n={n} your operations are {factor:.3g} times the right ones: count + and *."
            )
        if said[1] != moved:
            return mistaken(said[1], *byte_mistakes(arrays)) or (
                f"For m={m}, k={k}, n={n} the bytes are wrong: which three arrays does each of three products move?"
            )
    return None


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
    told = mistaken(together, *sum_mistakes(start, slots, d))
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
            told = mistaken(said[1], *moment_mistakes(moment, k, beta))
            return told or "m is wrong: what is left of it after k steps with g = 0?"
        if not same(said[0], w):
            at = int(np.argmax(~np.isclose(said[0], w)))
            told = mistaken(said[0], *weight_mistakes(start, moment, k, lr, beta))
            return told or (
                f"w is wrong, for k = {k[at]} first. Write the steps of k = 1 and 2 out: which powers of beta occur?"
            )
    return None
