"""Lesson 9: counting, scattering without a race, catching up."""

import numpy as np

from ..compare import is_number, same
from ..grading import exercise


@exercise("9.1", "(operations, bytes) of a training step of one dense layer")
def count_training(answer):
    for m, k, n in ((4, 3, 2), (4096, 368, 512), (7, 1, 5)):
        said = answer(m, k, n)
        if not isinstance(said, tuple) or len(said) != 2 or not all(map(is_number, said)):
            return "Return a tuple of two numbers, (operations, bytes)."
        flop, moved = 6 * m * k * n, 3 * 4 * (m * k + k * n + m * n)
        if said[0] != flop:
            factor = said[0] / flop
            return f"For m={m}, k={k}, n={n} your operations are {factor:.3g} times the right ones: count + and *."
        if said[1] != moved:
            return f"For m={m}, k={k}, n={n} the bytes are wrong: which three arrays does each of three products move?"
    return None


@exercise("9.2", "add d to the sums of the rows in slots, each worker to rows of its own", writes=(0,))
def add_mine(answer):
    rng = np.random.default_rng(92)
    slots, d = rng.integers(0, 9, 40), rng.random((40, 3)) + 0.1  # positive, so that a row written to is not 0
    right = np.zeros((9, 3))
    np.add.at(right, slots, d)
    for n_workers in (1, 2, 3, 16):
        alone = []
        for worker in range(n_workers):
            sums = np.zeros((9, 3))
            answer(sums, slots.copy(), d.copy(), worker, n_workers)
            alone.append(sums)
        written = sum((sums != 0).any(axis=1).astype(int) for sums in alone)
        if (written > 1).any():
            return f"With {n_workers} workers, row {np.argmax(written > 1)} is written by more than one: a race."
        if (written == 0).any():
            return f"With {n_workers} workers, nobody writes to row {np.argmax(written == 0)}."
        if not same(sum(alone), right):
            return f"With {n_workers} worker(s), sums are wrong: does a row that occurs twice get both its gradients?"
    return None


@exercise("9.3", "(w, m) after k idle steps of momentum, without a loop")
def catch_up(answer):
    rng = np.random.default_rng(93)
    start, moment, k = rng.standard_normal(6), rng.standard_normal(6), np.array([0, 1, 2, 5, 40, 300])
    lr, beta = 0.1, 0.9
    w, m = start.copy(), moment.copy()
    for step in range(k.max()):
        m = np.where(step < k, beta * m, m)
        w = np.where(step < k, w - lr * m, w)
    said = answer(start.copy(), moment.copy(), k, lr, beta)
    if not isinstance(said, tuple) or len(said) != 2 or np.shape(said[0]) != w.shape or np.shape(said[1]) != m.shape:
        return "Return a tuple (w, m), both with the shape they came in."
    if not same(said[1], m):
        return "m is wrong: what is left of it after k steps with g = 0?"
    if not same(said[0], w):
        at = int(np.argmax(~np.isclose(said[0], w)))
        return f"w is wrong, for k = {k[at]} first. Write the steps of k = 1 and 2 out: which powers of beta occur?"
    return None
