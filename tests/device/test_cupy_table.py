"""The stand-in's table of CuPy's functions, held against CuPy itself. It needs the package, but no GPU."""

import pytest

from croco_np.standin import functions

from . import test_bit_for_bit as parts
from . import test_ten_steps as training

cupy = pytest.importorskip("cupy", reason="CuPy is not installed: pip install 'croco-np[gpu]'", exc_type=ImportError)


def test_the_table_is_that_of_this_cupy():
    here, there = functions.TABLE.read_text().splitlines(), functions.survey(cupy)
    if here[0] != there[0]:
        pytest.skip(f"the table is of another version: {here[0]}")
    assert here == there


def test_what_is_asked_of_a_device_fits_this_cupy(gpu, tmp_path, monkeypatch):
    """Of any version: the stand-in plays the one that is installed, which must have all functions and arguments."""
    monkeypatch.setattr(functions, "TABLE", tmp_path / "functions.txt")
    functions.TABLE.write_text("\n".join(functions.survey(cupy)))
    functions.table.cache_clear()
    try:
        for group in parts.GROUPS:
            parts.test_device_equals_host(group, "float64", gpu)
        training.test_ten_steps_under_other_losses("importance", gpu)
    finally:
        functions.table.cache_clear()
