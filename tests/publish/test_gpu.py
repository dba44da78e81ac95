"""The page on GPUs says what is counted and reckoned: operations of a step, and milliseconds."""

from pathlib import Path

from tutorials.publish import gpu

PAGE = " ".join(Path("tutorials/reference/gpu.md").read_text().split())


def test_the_page_has_the_counts_of_a_step():
    plain, twins = gpu.count(False), gpu.count(True)
    assert f"calls {plain.operations} functions of CuPy, {plain.products} of them matrix products" in PAGE
    assert f"it calls {twins.operations}, and launches {twins.kernels} kernels of Numba" in PAGE
    assert f"hands {twins.arrays} arrays" in PAGE
    assert twins.waits == 7
    assert "A step waits seven times" in PAGE


def test_the_page_has_the_table_that_is_reckoned():
    assert " ".join(gpu.table().split()) in PAGE
    host = [1000 * gpu.step(1, twins).host for twins in (True, False)]
    assert f"in {host[0]:.1f} ms with twins, and in {host[1]:.1f} ms without" in PAGE
