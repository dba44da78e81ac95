"""Known mistakes in the exercises of tutorial 9: counting, scattering without a race, catching up."""

import numpy as np

from . import Mistake


def operation_mistakes(m: int, k: int, n: int) -> list[Mistake]:
    """Exercise 9.1, the first of two numbers."""
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


def byte_mistakes(arrays: int) -> list[Mistake]:
    """Exercise 9.1, the second of two numbers; arrays is m k + k n + m n."""
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


def sum_mistakes(start: np.ndarray, slots: np.ndarray, d: np.ndarray) -> list[Mistake]:
    """Exercise 9.2, where each row is written by one worker: the sums when all are done."""
    alone, occurs = np.zeros_like(start), np.isin(np.arange(len(start)), slots)[:, None]
    np.add.at(alone, slots, d)
    first, last, assigned = start.copy(), start.copy(), start.copy()
    first[slots[::-1]] += d[::-1]  # of several equal indices the last one wins
    last[slots] += d
    assigned[slots] = d
    return [
        (
            last,
            "A row that occurs twice gets one of its gradients only: `sums[rows] += d[...]` reads all old sums first "
            "and writes then, as two workers in a race would.",
        ),
        (first, "A row that occurs twice gets the first of its gradients only."),
        (np.where(occurs, alone, start), "What sums held before is lost: add to it."),
        (assigned, "The last gradient of a row takes the place of the sum: `+=`, not `=`."),
        (start - alone, "The gradients are subtracted; they are to be added."),
    ]


def moment_mistakes(moment: np.ndarray, k: np.ndarray, beta: float) -> list[Mistake]:
    """Exercise 9.3, the second of two arrays."""
    return [
        (
            moment * beta ** k.max(),
            "All of m is nearly 0: did every entry fade by the largest k? Each has its own, k[i] for m[i].",
        ),
        (moment, "m is as it was: with g = 0 each step leaves beta m of it."),
        (beta * moment, "m fades once; it fades in each of the k steps."),
        (beta * k * moment, "m fades by beta in each step, beta times beta times ...; here it is beta times k."),
        (moment * beta ** (k + 1), "m fades once too often: for k = 0 it has to stay as it is."),
    ]


def weight_mistakes(start: np.ndarray, moment: np.ndarray, k: np.ndarray, lr: float, beta: float) -> list[Mistake]:
    """Exercise 9.3, the first of two arrays."""
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
