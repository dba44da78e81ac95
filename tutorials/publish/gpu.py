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
OF_TWIN = 25e-6  # and a twin: 6.6 us and about 3.6 us an array, as measured in github.com/NVIDIA/numba-cuda/pull/288
FLOP_A_ROW = 12.03e6  # of a training step of Crocodile at AliCCP's sizes, CovLoss on all rows: `croco_np.bench`
BATCHES = (512, 4096, 65536)


class Reckoned(NamedTuple):
    """Seconds of a step: what the host takes to start it, and what its products take on each card."""

    host: float
    products: dict[str, float]


def step(batch, twins=True):
    """`Reckoned` for a batch of so many rows."""
    workload = WORKLOADS["aliccp"]
    asked = count_step(MODELS["crocodile"], workload.schema, workload.config.sizes, twins)
    host = asked.operations * OF_CUPY + asked.twins * OF_TWIN
    return Reckoned(host, {card: batch * FLOP_A_ROW / rate for card, rate in CARDS.items()})


def table():
    """The rows of the page's table, in Markdown."""
    lines = ["| batch | the host starts it in | products on an H100 | on an RTX 4060 |", "|---|---|---|---|"]
    for batch in BATCHES:
        host, products = step(batch)
        cells = (f"{1000 * s:.1f} ms" for s in (host, *products.values()))
        lines.append(f"| {batch:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(path):
    """The times of the table for all batches between, on logarithmic axes."""
    rows = np.geomspace(128, 131072, 50)
    with canvas(6.2, 3.4) as figure:
        axes = figure.subplots()
        for (card, rate), colour in zip(CARDS.items(), (GREEN, ORANGE), strict=True):
            axes.plot(rows, 1000 * rows * FLOP_A_ROW / rate, color=colour, label=f"products, {card}")
        axes.axhline(1000 * step(1).host, color=BLUE, label="the host starts a step, with twins")
        axes.axhline(1000 * step(1, twins=False).host, color=BLUE, linestyle=":", label="... without twins")
        axes.set(xscale="log", yscale="log", xlabel="rows of a batch", ylabel="ms a step")
        axes.set_xticks([128, 1024, 8192, 65536], ["128", "1,024", "8,192", "65,536"])
        axes.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
        axes.minorticks_off()
        axes.legend(frameon=False, fontsize=9)
        figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    print(table())
    draw(PICTURE)
