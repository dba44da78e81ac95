"""Section 5.6: what CovLoss costs, beside distance correlation and the experts themselves."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np
import pandas as pd

from ..kernels.pools import set_threads
from ..layers import Experts
from ..losses import covariance, distance_correlation
from ..report import Figure, Section, Table
from ..report.svg import CYCLE, drawing
from .experiment import Results
from .study import Study

BASE = {"N": 2048, "d": 64, "M": 5}
SWEPT = {"N": (256, 512, 1024, 2048, 4096), "d": (16, 32, 64, 128, 256), "M": (2, 3, 5, 8, 10)}
MEANS = {"N": "rows of a batch", "d": "width of an expert's output", "M": "experts"}
INPUT = 128  # width of what an expert reads
REPEATS, MOST_SECONDS = 7, 3.0
PARTS = {"covariance": "CovLoss", "distance_correlation": "dCorr", "experts": "experts"}


def products(part: str, N: int, d: int, M: int) -> int:
    """Multiply-adds of value and gradient in matrix products.

    CovLoss           C_pq = Õ_p^T Õ_q for the M(M-1)/2 pairs, d^2 N each (Section 5.6), and as much again for each of
                      the two gradients of a pair: 3 M(M-1)/2 d^2 N
    dCorr             distances of all rows of an expert, N^2 d, and a gradient as large, M experts: 2 M N^2 d.
                      Its N^2 sums of a pair are no products, and are not counted
    experts           one hidden layer, INPUT x d and d x d, forward and twice backward: 3 M N (INPUT + d) d
    """
    return {
        "covariance": 3 * (M * (M - 1) // 2) * d * d * N,
        "distance_correlation": 2 * M * N * N * d,
        "experts": 3 * M * N * (INPUT + d) * d,
    }[part]


def collect(study: Study) -> dict[str, pd.DataFrame]:
    """Count products and time value and gradient of each part, on random outputs -> frame "costs"."""
    set_threads(study.base["threads"] or 1)
    rows, rng = [], np.random.default_rng(0)
    for swept, values in SWEPT.items():
        for value in values:
            size = BASE | {swept: value}
            study.say(f"complexity: {swept} = {value}")
            for part, work in _parts(rng, **size).items():
                rows.append(
                    {
                        "swept": swept,
                        **size,
                        "part": part,
                        "products": products(part, **size),
                        "seconds": _seconds(work),
                    }
                )
    return {"costs": pd.DataFrame(rows)}


def _parts(rng, N, d, M) -> dict[str, Callable[[], object]]:
    o = np.maximum(rng.standard_normal((N, M, d)), 0).astype(np.float32)
    layer = Experts(M, (INPUT, d, d))
    params = layer.init(rng)
    x = rng.standard_normal((N, M, INPUT)).astype(np.float32)

    def experts():
        out, cache = layer.forward(params, x)
        return layer.backward(cache, out)

    return {
        "covariance": lambda: covariance(o),
        "distance_correlation": lambda: distance_correlation(o),
        "experts": experts,
    }


def _seconds(work: Callable[[], object]) -> float:
    """The median time of a few calls, after one that compiles."""
    work()
    times: list[float] = []
    begun = time.perf_counter()
    while len(times) < REPEATS and (not times or time.perf_counter() - begun < MOST_SECONDS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return median(times)


def present(results: Results) -> list[Section]:
    """The section on costs."""
    frame = results.frames["costs"]
    rows, said = [], []
    for swept in SWEPT:
        part_of = frame[frame["swept"] == swept]
        for part, name in PARTS.items():
            mine = part_of[part_of["part"] == part]
            slope = [np.polyfit(np.log(mine[swept]), np.log(mine[c]), 1)[0] for c in ("products", "seconds")]
            rows.append(
                [
                    name,
                    f"{swept}, {MEANS[swept]}",
                    *slope,
                    mine["seconds"].iloc[0] * 1e3,
                    mine["seconds"].iloc[-1] * 1e3,
                ]
            )
    at = frame[(frame[list(BASE)] == pd.Series(BASE)).all(axis=1)].groupby("part")["seconds"].mean()
    said.append(
        f"At N = {BASE['N']}, d = {BASE['d']}, M = {BASE['M']}: CovLoss {at['covariance'] * 1e3:.1f} ms, dCorr "
        f"{at['distance_correlation'] * 1e3:.0f} ms, experts {at['experts'] * 1e3:.1f} ms, value and gradient. "
        "The paper's claim is M(M-1)/2 d^2 N for CovLoss: linear in the rows, where dCorr is quadratic."
    )
    said.append("Times are of this machine and of what else it was doing; the exponents say how a cost grows.")
    head = ["part", "what grows", "exponent of products", "exponent of time", "smallest, ms", "largest, ms"]
    return [
        Section(
            "Costs",
            said,
            [
                Table(
                    "How products and time grow: slopes on logarithmic axes.",
                    head,
                    rows,
                    ["", "", ".2f", ".2f", ".2f", ".1f"],
                )
            ],
            [_figure(frame)],
        )
    ]


def _figure(frame):
    with drawing(10, 3.2) as new:
        for axes, swept in zip(new.figure.subplots(1, 3, sharey=True), SWEPT, strict=True):
            for colour, (part, name) in zip(CYCLE, PARTS.items(), strict=False):
                mine = frame[(frame["swept"] == swept) & (frame["part"] == part)]
                axes.loglog(mine[swept], mine["seconds"] * 1e3, marker="o", color=colour, label=name)
            axes.set_xticks(SWEPT[swept], map(str, SWEPT[swept]))
            axes.minorticks_off()
            axes.set_xlabel(f"{swept}, {MEANS[swept]}")
        new.figure.axes[0].set_ylabel("value and gradient, ms")
        new.figure.axes[0].legend(frameon=False)
    return Figure(
        "Time of value and gradient, one thread or as many as --threads says; both axes logarithmic.", new.svg
    )
