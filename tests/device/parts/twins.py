"""Part 1: every CUDA twin computes what the NumPy definition says, and the same bits again at a second run.

The definition runs on the host. Differences are relative to the largest entry of each result, and may be 1e-13 in
float64 and 5e-6 in float32: sums of up to a thousand rows in another order, and exponentials of another library. On the
stand-in the twins run in Numba's simulator, a Python thread for each CUDA thread, so sizes are tiny there.
"""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from croco_np.kernels import device
from croco_np.kernels.twin import KERNELS

from ..moved import back
from .item import PRECISIONS, Found, Item, Place, furthest

TOLERANCE = {"float64": 1e-13, "float32": 5e-6}
ON_A_GPU = [(0, 3), (3, 0), (1, 1), (2, 33), (33, 2), (129, 65), (1000, 67)]  # rows and columns
SIMULATED = [(0, 3), (1, 1), (3, 5)]
HANDED_OVER = {"bias_relu"}  # its first argument: the result may lie in that buffer, or not


def twins(place: Place) -> Iterator[Item]:
    if place.standin:
        import numba

        numba.config.ENABLE_CUDASIM = True  # before numba.cuda is imported
    sys.path.append(str(Path(__file__).parents[2] / "kernels_on_gpu"))
    from cuda_draws import DRAW_FOR_CUDA

    all_twins = device.all_twins()
    if not place.standin:
        yield Item("kernels that run in CuPy, though they have twins", lambda: Found(device.side() != "cuda"), 0)
    yield Item("twins that no draw is written for", lambda: Found(len(all_twins.keys() - DRAW_FOR_CUDA.keys())), 0)
    sizes = SIMULATED if place.standin else ON_A_GPU
    for name, twin in all_twins.items():
        for dtype in PRECISIONS:
            draws = [partial(DRAW_FOR_CUDA[name], kind=np.dtype(dtype).type, n=n, k=k) for n, k in sizes]
            yield Item(f"{name}, {dtype}", partial(compared, place, name, twin, draws), TOLERANCE[dtype])
    last = (3, 5) if place.standin else (1000, 67)
    yield Item("arrays that a second run makes otherwise", lambda: repeated(place, all_twins, DRAW_FOR_CUDA, last), 0)


def compared(place: Place, name: str, twin, draws) -> Found:
    """The worst of all sizes, and which it was."""
    worst = Found(0.0)
    for draw in draws:
        arguments = draw(np.random.default_rng(0))
        here, there = called(KERNELS[name].reference, arguments, np.copy), called(twin, arguments, place.gpu.bring)
        outputs = 1 if name in HANDED_OVER else None
        found = furthest(there[:outputs], here[:outputs])
        if not found.figure <= worst.figure:
            worst = Found(found.figure, f"{draw.keywords['n']} x {draw.keywords['k']}, result {found.where}")
    return worst


def called(function, arguments, bring) -> list:
    """All that a kernel returns, and its arrays afterwards: some kernels work in place."""
    arguments = [bring(a) if isinstance(a, np.ndarray) else a for a in arguments]
    result = function(*arguments)
    returned = result if isinstance(result, tuple) else (result,)
    results = [*(r for r in returned if r is not None), *(a for a in arguments if hasattr(a, "shape"))]
    return [np.asarray(a) for a in back(results)]


def repeated(place: Place, twins: dict, draws: dict, size: tuple[int, int]) -> Found:
    """How many results of all twins differ by a bit when they are computed again."""
    differ = []
    for name, twin in twins.items():
        arguments = draws[name](np.random.default_rng(1), np.float32, *size)
        once, again = (called(twin, arguments, place.gpu.bring) for _ in range(2))
        differ += [name for a, b in zip(once, again, strict=True) if a.tobytes() != b.tobytes()]
    return Found(len(differ), ", ".join(sorted(set(differ))))
