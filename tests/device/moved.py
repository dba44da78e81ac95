"""Arrays, trees, batches and caches brought to a device, and results brought back."""

from typing import Any

import numpy as np

from croco_np import backend
from croco_np.batch import Batch


def moved(x: Any, gpu: Any) -> Any:
    """The same value with every array in it on the device; a batch's slices and plain numbers stay."""
    if isinstance(x, np.ndarray):
        return gpu.bring(x)
    return _rebuilt(x, lambda part: moved(part, gpu))


def back(x: Any) -> Any:
    """The same value with every device array as an array of the host."""
    if backend.on_device(x):
        return x._host.copy() if hasattr(x, "_host") else x.get()
    return _rebuilt(x, back)


def _rebuilt(x, change):
    if isinstance(x, dict):
        return {key: change(part) for key, part in x.items()}
    if isinstance(x, Batch):
        return x._replace(**{name: change(getattr(x, name)) for name in ("ids", "prior_ids", "labels")})
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*map(change, x))
    if isinstance(x, list | tuple):
        return type(x)(map(change, x))
    return x


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
