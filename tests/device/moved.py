"""Arrays, trees, batches and caches brought to a device, and results brought back."""

from typing import Any

import numpy as np

from croco_np.gradcheck.on_device import back, moved

__all__ = ["arrays", "assert_same_bits", "back", "moved"]


def arrays(x: Any, path: str = "") -> dict[str, np.ndarray]:
    """{path: array or number} of everything in a result."""
    if isinstance(x, dict):
        return {k: a for key, part in x.items() for k, a in arrays(part, f"{path}.{key}").items()}
    if isinstance(x, list | tuple):
        return {k: a for i, part in enumerate(x) for k, a in arrays(part, f"{path}.{i}").items()}
    return {} if x is None else {path: np.asarray(x)}


def assert_same_bits(there: Any, here: Any) -> None:
    """Whether two results hold the same arrays, bit for bit, of the same dtypes and shapes."""
    there, here = arrays(back(there)), arrays(here)
    assert there.keys() == here.keys()
    assert here
    for path, a in here.items():
        b = there[path]
        assert (b.shape, b.dtype) == (a.shape, a.dtype), path
        assert a.tobytes() == b.tobytes(), f"{path}: {np.abs(a - b).max()}"
