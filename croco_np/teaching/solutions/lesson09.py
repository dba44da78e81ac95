"""Solutions of tutorial 9, Make it fast."""

import numpy as np

from . import Solution


def count_training(m: int, k: int, n: int) -> tuple[int, int]:
    """(operations, bytes) of x W, x^T dz and dz W^T, for x (m, k), W (k, n) and dz (m, n) in float32."""
    operations = 3 * 2 * m * k * n  # three products of m k n multiplications and as many additions
    numbers = m * k + k * n + m * n  # each product moves one array of each of these sizes
    return operations, 3 * 4 * numbers


def add_mine(sums: np.ndarray, slots: np.ndarray, d: np.ndarray, worker: int, n_workers: int) -> None:
    """Add d[i] to sums[slots[i]] for the rows of one worker: every n_workers-th of sums."""
    for i, row in enumerate(slots):  # every worker reads all slots ...
        if row % n_workers == worker:  # ... and writes to rows of its own
            sums[row] += d[i]


def catch_up(w: np.ndarray, m: np.ndarray, k: np.ndarray, lr: float, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """(w, m) after k steps of momentum with g = 0."""
    fade = beta**k
    travelled = beta * (1 - fade) / (1 - beta)  # beta + beta^2 + ... + beta^k
    w, m = w - lr * travelled * m, fade * m
    return w, m


SOLUTIONS = {
    "9.1": Solution(
        count_training,
        r"""
        $xW$ has $mn$ results, each a sum of $k$ products: $2mkn$ operations. $x^T dz$ has $kn$ results, each a sum over
        $m$ rows, and $dz\, W^T$ has $mk$, each a sum over $n$ outputs: $2mkn$ again, and again. In all $6mkn$.

        Every product touches three arrays, and they always are of the same three sizes:

        $$ \underbrace{x,\ W \to y}_{mk,\ kn,\ mn} \qquad \underbrace{x^T,\ dz \to dW}_{mk,\ mn,\ kn} \qquad
        \underbrace{dz,\ W^T \to dx}_{mn,\ kn,\ mk} $$

        Three products, three sizes, four bytes a number: $12\,(mk + kn + mn)$ bytes. For the blackboard's layer,
        $m, k, n = 4, 3, 2$, that is 144 operations and 312 bytes.
        """,
        (
            "Do the blackboard's layer first, with 4 rows, 3 inputs, 2 outputs: its forward has 48 operations and 104 "
            "bytes. How many operations do x^T dz and dz W^T have?",
            "A product of (a, b) and (b, c) has a c results, each a sum of b products, whichever of a, b, c is the "
            "number of rows. Write down the shapes that each of the three products reads and writes, and compare the "
            "three lists.",
        ),
        "Six operations for each weight and row: hence the rule that training a model of N weights on D tokens takes "
        "about 6 N D operations, from which the cost of a language model is reckoned (Kaplan and others, 2020).",
    ),
    "9.2": Solution(
        add_mine,
        r"""
        Two workers meet if both write to one row. So give each **row** to one worker, by a rule that all can work out
        without a word to each other: row $r$ belongs to worker $r \bmod n$.

        Then each worker walks over the whole batch and picks what is its own. Every $i$ is picked by exactly one
        worker, since $\text{slots}_i \bmod n$ is exactly one of $0, \dots, n - 1$: nothing is lost, nothing is added
        twice. A row that occurs often is added to often, by one worker, one after the other; so it loses no update,
        and the additions come in the order of the batch.

        Stretches of rows do as well, if the rest of the division has an owner.
        """,
        (
            "The rule of the text: whoever writes, owns. What is written here, and by which number would all workers "
            "know whose it is?",
            "Walk over the whole batch in every worker, and skip what belongs to others. Which number from 0 to "
            "n_workers - 1 can every worker make out of the number of a row, so that each owns about as many?",
        ),
        "A row's gradients are added in the order of the batch whatever the number of workers, so the sums are the "
        "same to the last bit: whoever splits by what is written gets reproducible numbers for nothing.",
    ),
    "9.3": Solution(
        catch_up,
        r"""
        With $g = 0$ a step does $m \leftarrow \beta m$, then $w \leftarrow w - \eta m$. Written out:

        $$ \begin{aligned}
        k = 1: &\quad m_1 = \beta m, & w_1 &= w - \eta \beta m \\
        k = 2: &\quad m_2 = \beta^2 m, & w_2 &= w - \eta (\beta + \beta^2)\, m
        \end{aligned} $$

        and so on: $m_k = \beta^k m$, and $w_k = w - \eta\, m \sum_{j=1}^{k} \beta^j$, a geometric series:

        $$ \sum_{j=1}^{k} \beta^j = \beta\, \frac{1 - \beta^k}{1 - \beta} $$

        For $k = 0$ it is 0 and nothing moves, as it should.
        """,
        (
            "Write out k = 1 and k = 2 on paper. Note the order: m fades first, and w then moves by the faded m.",
            "For k steps the two lines become beta^k for m, and for w a sum of powers of beta: a geometric series, "
            "which begins with beta and not with 1. What is its closed form? NumPy takes an array as an exponent.",
        ),
        "However long a row stays idle, it goes on by at most lr m beta / (1 - beta), nine full steps lr m at beta = "
        "0.9: that much a lazy optimiser, which skips idle steps, leaves out.",
    ),
}
