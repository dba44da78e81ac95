"""The page on GPUs says what is counted and reckoned: operations of a step, and milliseconds."""

import re
from pathlib import Path

from croco_np.bench.workloads import WORKLOADS
from croco_np.costs.device import count_step
from croco_np.models import MODELS
from tutorials.publish import gpu

PAGE = Path("tutorials/reference/gpu.md").read_text().replace("\n", " ")


def test_the_page_has_the_counts_of_a_step():
    workload = WORKLOADS["aliccp"]
    plain, twins = (
        count_step(MODELS["crocodile"], workload.schema, workload.config.sizes, side) for side in (False, True)
    )
    assert f"asks for {plain.operations} operations of CuPy" in PAGE
    assert f"with twins for {twins.operations} and {twins.twins} twins; {twins.products} are matrix products" in PAGE


def test_the_page_has_the_table_that_is_reckoned():
    assert gpu.table().replace("\n", " ") in PAGE
    host = [1000 * gpu.step(1, twins).host for twins in (True, False)]
    assert re.search(rf"{host[0]:.1f} ms with twins and {host[1]:.1f} ms without", PAGE)
