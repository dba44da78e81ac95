"""What a training step should take on a GPU, reckoned: the table and the picture of `tutorials/reference/gpu.md`.

    python -m tutorials.publish.gpu      prints the table, draws tutorials/images/gpu_step.svg

Two things take time side by side. The host starts work, so many operations a step whatever the batch; the GPU computes
products, in proportion to the rows. The longer of the two is a step's least time. Memory traffic is left out.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from croco_np.bench.workloads import WORKLOADS
from croco_np.canvas import BLUE, GREEN, ORANGE, canvas
from croco_np.costs.device import count_step
from croco_np.models import MODELS

PICTURE = Path(__file__).parents[1] / "images" / "gpu_step.svg"
CARDS = {"H100 SXM": 66.9e12, "RTX 4060": 15.1e12}  # float32 operations/s without tensor cores, by the data sheets
OF_CUPY = 10e-6  # s that the host takes to start an operation of CuPy: assumed
OF_ARRAY = 30e-6  # and for each array of CuPy's handed to a kernel of Numba's: 89 us for three, as measured in SOURCE
SOURCE = "https://github.com/NVIDIA/numba-cuda-mlir/pull/90"
FLOP_A_ROW = 12.03e6  # of a training step of Crocodile at AliCCP's sizes, CovLoss on all rows: `croco_np.bench`
BATCHES = (512, 4096, 65536)


class Reckoned(NamedTuple):
    """Seconds of a step: what the host takes to start it, and what its products take on each card."""

    host: float
    products: dict[str, float]


def count(twins):
    """What a step of Crocodile asks of a GPU, at the sizes of the benchmark."""
    workload = WORKLOADS["aliccp"]
    return count_step(MODELS["crocodile"], workload.schema, workload.config.sizes, twins)


def step(batch, twins=True):
    """`Reckoned` for a batch of so many rows."""
    asked = count(twins)
    host = asked.operations * OF_CUPY + asked.arrays * OF_ARRAY
    return Reckoned(host, {card: batch * FLOP_A_ROW / rate for card, rate in CARDS.items()})


def table():
    """The rows of the page's table, in Markdown."""
    lines = ["| rows | host | H100 | RTX 4060 |", "|---|---|---|---|"]
    for batch in BATCHES:
        host, products = step(batch)
        cells = (f"{1000 * s:.1f} ms" for s in (host, *products.values()))
        lines.append(f"| {batch:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(path):
    """The times of the table for all batches between, on logarithmic axes."""
    rows, host = np.geomspace(128, 131072, 50), step(1).host
    with canvas(4.4, 3.6) as figure:
        axes = figure.subplots()
        for (card, rate), colour in zip(CARDS.items(), (GREEN, ORANGE), strict=True):
            axes.plot(rows, 1000 * rows * FLOP_A_ROW / rate, color=colour, label=f"products, {card}")
            meet = host * rate / FLOP_A_ROW
            axes.plot([meet], [1000 * host], "o", color=colour)
            axes.annotate(
                f"{round(meet, -3):,.0f}", (meet, 1000 * host), (4, -13), textcoords="offset points", color=colour
            )
        axes.axhline(1000 * host, color=BLUE, label="the host starts a step")
        axes.set(xscale="log", yscale="log", xlabel="rows of a batch", ylabel="ms a step")
        axes.set_xticks([128, 1024, 8192, 65536], ["128", "1,024", "8,192", "65,536"])
        axes.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
        axes.minorticks_off()
        axes.legend(frameon=False)
        figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    for twins in (False, True):
        print(count(twins))
    print(table())
    draw(PICTURE)
