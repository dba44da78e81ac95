"""A layer whose arrays lie in a GPU's memory, called with arrays of the host: its backward there is checked from here.

    check(OnDevice(layer), params, (x,), rng)

The checker draws, moves and compares numbers on the host, as of any layer. This one carries the arguments of forward
and backward to the device and the results back, so that what is measured is the layer's arithmetic there: CuPy's
functions, the products of cuBLAS, the CUDA twins. The cache stays where it is.

What a layer writes there into an argument is written here, too, and the checker says so. An array of its own that it
hands out twice is not noticed, since the results here are copies: the check on the host is for that.
"""

from typing import Any

import numpy as np

from ..backend import Gpu, host, load, on_device


class OnDevice:
    """`forward`, `backward` and `tracked` of a layer on the device.

    layer    as for `check`
    gpu      the backend; by default CuPy's, which raises InputError where there is no GPU
    """

    def __init__(self, layer: Any, gpu: Gpu | None = None) -> None:
        self.layer, self.gpu = layer, gpu or load("cupy")

    def forward(self, params: Any, *inputs: Any) -> tuple:
        here = (params, inputs)
        there = moved(here, self.gpu)
        output, cache = self.layer.forward(there[0], *there[1])
        _write_back(there, here)
        return back(output), cache

    def backward(self, cache: Any, doutput: Any) -> Any:
        there = moved(doutput, self.gpu)
        gradients = back(self.layer.backward(cache, there))
        _write_back(there, doutput)
        return gradients

    def tracked(self, cache: Any) -> dict[str, np.ndarray]:
        return back(self.layer.tracked(cache)) if hasattr(self.layer, "tracked") else {}


def moved(x: Any, gpu: Any) -> Any:
    """The same value with every array of the host in it on the device: trees, tuples, batches; the rest stays."""
    return gpu.bring(x) if isinstance(x, np.ndarray) else _rebuilt(x, lambda part: moved(part, gpu))


def back(x: Any) -> Any:
    """The same value with every array of the device in it on the host, as copies."""
    return host(x) if on_device(x) else _rebuilt(x, back)


def _rebuilt(x, change):
    """A container of the same kind with changed entries; a value that is none is itself."""
    if isinstance(x, dict):
        return {key: change(part) for key, part in x.items()}
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*map(change, x))
    return type(x)(map(change, x)) if type(x) in (list, tuple) else x


def _write_back(there, here):
    """Give the arrays `here` the values that those `there`, their copies, have now."""
    if isinstance(here, np.ndarray):
        now = host(there)
        if now.tobytes() != here.tobytes():  # NaN is not equal to itself
            here[...] = now
    elif isinstance(here, dict):
        for key, part in here.items():
            if key in there:
                _write_back(there[key], part)
    elif isinstance(here, list | tuple):
        for mine, other in zip(there, here, strict=False):
            _write_back(mine, other)
