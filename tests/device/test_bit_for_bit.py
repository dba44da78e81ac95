"""Every layer, loss and model on the stand-in: forward and backward equal NumPy's to the last bit."""

import pytest

from .moved import assert_same_bits, moved
from .one_pass import GROUPS, run


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("group", GROUPS)
def test_device_equals_host(group, dtype, gpu):
    for label, draw in GROUPS[group]().items():
        try:
            there = run(draw, lambda x: moved(x, gpu), dtype)
        except Exception as error:
            raise AssertionError(f"{label}: {error}") from error
        assert_same_bits(there, run(draw, lambda x: x, dtype))
