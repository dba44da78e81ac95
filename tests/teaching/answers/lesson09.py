"""Lesson 9."""

import numpy as np

from . import Answer


def count_training(m, k, n):
    return 6 * m * k * n, 12 * (m * k + k * n + m * n)


def add_mine(sums, slots, d, worker, n_workers):
    for i, row in enumerate(slots):
        if row % n_workers == worker:
            sums[row] += d[i]


def split_by_what_is_read(sums, slots, d, worker, n_workers):
    np.add.at(sums, slots[worker::n_workers], d[worker::n_workers])


def lose_duplicates(sums, slots, d, worker, n_workers):
    mine = slots % n_workers == worker
    sums[slots[mine]] += d[mine]


def leave_rows_out(sums, slots, d, worker, n_workers):
    size = len(sums) // n_workers
    for i, row in enumerate(slots):
        if worker * size <= row < (worker + 1) * size:
            sums[row] += d[i]


def add_partial(sums, slots, d, worker, n_workers):
    """Right alone; but `+=` reads and writes every row, those of the others too."""
    partial = np.zeros_like(sums)
    add_mine(partial, slots, d, worker, n_workers)
    sums += partial


def start_anew(sums, slots, d, worker, n_workers):
    sums[:] = 0
    add_mine(sums, slots, d, worker, n_workers)


def own(slots, d, worker, n_workers):
    mine = slots % n_workers == worker
    return slots[mine] // n_workers, d[mine]


def assign(sums, slots, d, worker, n_workers):
    for row in np.unique(slots):
        if row % n_workers == worker:
            sums[row] = d[slots == row].sum(axis=0)


def catch_up(w, m, k, lr, beta):
    return w - lr * m * beta * (1 - beta**k) / (1 - beta), m * beta**k


ANSWERS = {
    "9.1": Answer(
        count_training,
        {
            "a product counts one operation": lambda m, k, n: (3 * m * k * n, 12 * (m * k + k * n + m * n)),
            "forward only": lambda m, k, n: (2 * m * k * n, 4 * (m * k + k * n + m * n)),
            "results not written": lambda m, k, n: (6 * m * k * n, 8 * (m * k + k * n + m * n)),
            "float64": lambda m, k, n: (6 * m * k * n, 24 * (m * k + k * n + m * n)),
        },
    ),
    "9.2": Answer(
        add_mine,
        {
            "split by what is read": split_by_what_is_read,
            "duplicates lost": lose_duplicates,
            "rest of a division left out": leave_rows_out,
            "+= over all rows": add_partial,
            "from 0": start_anew,
            "own rows from 0": lambda sums, slots, d, worker, n: start_anew(
                sums[worker::n], *own(slots, d, worker, n), 0, 1
            ),
            "assigns": assign,
            "everybody does everything": lambda sums, slots, d, worker, n: np.add.at(sums, slots, d),
        },
    ),
    "9.3": Answer(
        catch_up,
        {
            "moves before it fades": lambda w, m, k, lr, beta: (
                w - lr * m * (1 - beta**k) / (1 - beta),
                m * beta**k,
            ),
            "lr / (1 - beta) forgotten": lambda w, m, k, lr, beta: (w - m * beta * (1 - beta**k), m * beta**k),
            "1 - beta for lr": lambda w, m, k, lr, beta: catch_up(w, m, k, 1 - beta, beta),
            "m does not fade": lambda w, m, k, lr, beta: (catch_up(w, m, k, lr, beta)[0], m),
            "k times the first step": lambda w, m, k, lr, beta: (w - k * lr * beta * m, m * beta**k),
            "lazy": lambda w, m, k, lr, beta: (w, m),
        },
    ),
}
