"""Wrong answers to tutorial 9, Make it fast."""

import numpy as np

from croco_np.teaching.solutions.lesson09 import add_mine, catch_up


def counted(per_product, numbers):
    """(per_product m k n, numbers (m k + k n + m n))."""
    return lambda m, k, n: (per_product * m * k * n, numbers * (m * k + k * n + m * n))


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


def own_rows_anew(sums, slots, d, worker, n_workers):
    sums[worker::n_workers] = 0
    add_mine(sums, slots, d, worker, n_workers)


def sum_for_old_sum(sums, slots, d, worker, n_workers):
    for row in np.unique(slots):
        if row % n_workers == worker:
            sums[row] = d[slots == row].sum(axis=0)


def assign(sums, slots, d, worker, n_workers):
    for i, row in enumerate(slots):
        if row % n_workers == worker:
            sums[row] = d[i]


def one_does_all(at_work):
    """Worker at_work(n_workers) does everything."""

    def answer(sums, slots, d, worker, n_workers):
        if worker == at_work(n_workers):
            np.add.at(sums, slots, d)

    return answer


def one_row_each(sums, slots, d, worker, n_workers):
    for i, row in enumerate(slots):
        if row == worker:
            sums[row] += d[i]


def rebind(sums, slots, d, worker, n_workers):
    sums = sums.copy()
    add_mine(sums, slots, d, worker, n_workers)


def moved(by, fades=lambda m, k, beta: m * beta**k):
    """(w - by(m, k, lr, beta), m faded)."""
    return lambda w, m, k, lr, beta: (w - by(m, k, lr, beta), fades(m, k, beta))


def faded(fades):
    """The right w with another m."""
    return lambda w, m, k, lr, beta: (catch_up(w, m, k, lr, beta)[0], fades(m, k, beta))


WRONG = {
    "9.1": {
        "a product counts one operation": counted(3, 12),
        "forward only": counted(2, 4),
        "backward only": counted(4, 8),
        "k - 1 additions": lambda m, k, n: (3 * m * n * (2 * k - 1), counted(6, 12)(m, k, n)[1]),
        "one product": counted(1, 12),
        "results not written": counted(6, 8),
        "each array once": counted(6, 4),
        "numbers for bytes": counted(6, 3),
        "float64": counted(6, 24),
        "bytes first": lambda m, k, n: counted(6, 12)(m, k, n)[::-1],
        "one number": lambda m, k, n: 6 * m * k * n,
    },
    "9.2": {
        "split by what is read": split_by_what_is_read,
        "duplicates lost": lose_duplicates,
        "rest of a division left out": leave_rows_out,
        "+= over all rows": add_partial,
        "from 0": start_anew,
        "own rows from 0": own_rows_anew,
        "a sum in the place of the old one": sum_for_old_sum,
        "assigns": assign,
        "everybody does everything": lambda sums, slots, d, worker, n: np.add.at(sums, slots, d),
        "worker 0 does everything": one_does_all(lambda n: 0),
        "the last worker does everything": one_does_all(lambda n: n - 1),
        "a row for each worker": one_row_each,
        "into a copy": rebind,
        "subtracts": lambda sums, slots, d, worker, n: add_mine(sums, slots, -d, worker, n),
    },
    "9.3": {
        "moves before it fades": moved(lambda m, k, lr, beta: lr * m * (1 - beta**k) / (1 - beta)),
        "1 - beta for lr": moved(lambda m, k, lr, beta: m * beta * (1 - beta**k)),
        "1 / (1 - beta) forgotten": moved(lambda m, k, lr, beta: lr * m * beta * (1 - beta**k)),
        "lr forgotten": moved(lambda m, k, lr, beta: m * beta * (1 - beta**k) / (1 - beta)),
        "k times the first step": moved(lambda m, k, lr, beta: k * lr * beta * m),
        "the last step only": moved(lambda m, k, lr, beta: lr * m * beta**k),
        "from the faded m": moved(lambda m, k, lr, beta: lr * m * beta**k * beta * (1 - beta**k) / (1 - beta)),
        "one step too few": moved(lambda m, k, lr, beta: lr * m * beta * (1 - beta ** (k - 1.0)) / (1 - beta)),
        "for ever": moved(lambda m, k, lr, beta: lr * m * beta / (1 - beta)),
        "w stays": moved(lambda m, k, lr, beta: 0),
        "m does not fade": faded(lambda m, k, beta: m),
        "all fade alike": faded(lambda m, k, beta: m * beta ** k.max()),
        "m fades once": faded(lambda m, k, beta: beta * m),
        "lazy": lambda w, m, k, lr, beta: (w, m),
        "m first": lambda *args: catch_up(*args)[::-1],
    },
}
