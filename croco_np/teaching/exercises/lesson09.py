"""Lesson 9: counting, scattering without a race, catching up."""

from collections.abc import Callable

import numpy as np

from ..compare import is_number, same
from ..grading import exercise
from ..guard import parts


@exercise("9.1", "(operations, bytes) of a training step of one dense layer")
def count_training(answer: Callable) -> str | None:
    for m, k, n in ((4, 3, 2), (4096, 368, 512), (7, 1, 5)):
        said = parts(answer(m, k, n), "operations", "bytes")
        if not all(map(is_number, said)):
            return "Return a tuple of two numbers, (operations, bytes)."
        flop, moved = 6 * m * k * n, 3 * 4 * (m * k + k * n + m * n)
        if said[0] != flop:
            factor = said[0] / flop
            return f"For m={m}, k={k}, n={n} your operations are {factor:.3g} times the right ones: count + and *."
        if said[1] != moved:
            return f"For m={m}, k={k}, n={n} the bytes are wrong: which three arrays does each of three products move?"
    return None


@exercise("9.2", "add d to the sums of the rows in slots, each worker to rows of its own", writes=(0,))
def add_mine(answer: Callable) -> str | None:
    rng = np.random.default_rng(92)
    slots, d, start = rng.integers(0, 8, 40), rng.standard_normal((40, 3)), rng.standard_normal((9, 3))
    right = start.copy()
    np.add.at(right, slots, d)
    used = np.unique(slots)
    for n_workers in (1, 2, 3, 16):
        writers, together = np.zeros(9, int), start.copy()
        for worker in range(n_workers):
            blank = np.full((9, 3), -0.0)  # whatever is written, + 0 included, changes at least the sign
            answer(blank, slots.copy(), d.copy(), worker, n_workers)
            writers += (~np.signbit(blank) | (blank != 0)).any(axis=1)
            answer(together, slots.copy(), d.copy(), worker, n_workers)
        if (writers > 1).any():
            return f"With {n_workers} workers, row {np.argmax(writers > 1)} is written by more than one: a race."
        if (writers[used] == 0).any():
            return f"With {n_workers} workers, nobody writes to row {used[np.argmin(writers[used])]}."
        if not same(together, right):
            return (
                f"With {n_workers} worker(s), sums are wrong: is d added to what they hold, and does a row that occurs "
                "twice get both its gradients?"
            )
    return None


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
        if not same(said[1], m):
            return "m is wrong: what is left of it after k steps with g = 0?"
        if not same(said[0], w):
            at = int(np.argmax(~np.isclose(said[0], w)))
            return f"w is wrong, for k = {k[at]} first. Write the steps of k = 1 and 2 out: which powers of beta occur?"
    return None
