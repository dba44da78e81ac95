"""Compiles every CUDA kernel for a GPU, without one; run as a program, for in the tests' process CUDA is simulated.

Each twin is called with arrays of the host, and what it would launch is compiled for the types it would launch it with.
Prints a JSON object: {"compiled": {precision: {kernel function: lines of PTX with float64 in them}}, "kernels": all
kernel functions there are}, or {"why": what keeps Numba from compiling for a GPU}.
"""

import json
import sys
from pathlib import Path

import numpy as np
from cuda_draws import DRAW_FOR_CUDA

sys.path.insert(0, str(Path(__file__).parents[1]))
import test_kernels  # noqa: F401  (it imports all kernels)

ROOM = "croco_np.kernels.cuda."
HOPPER = (9, 0)  # compute capability


def main():
    import numba
    from numba import cuda  # not above: pytest imports this file too, where CUDA must be simulated

    try:
        cuda.compile_ptx(lambda x: None, (numba.float32,), cc=HOPPER)
    except Exception as error:  # Numba may be without NVVM, or with one that it cannot use
        return {"why": f"Numba cannot compile for a GPU here ({type(error).__name__}: {str(error).splitlines()[0]})"}
    from croco_np.kernels.cuda import TWINS

    lines = {}

    def compile_only(kernel, shape, *args, shared_bytes=0):
        """In place of `launch`: compile for arrays that lie one after another and, again, for arrays that do not."""
        types = tuple(map(numba.typeof, args))
        apart = tuple(t.copy(layout="A") if hasattr(t, "layout") else t for t in types)
        ptx = "".join(cuda.compile_ptx(kernel.py_func, signature, cc=HOPPER)[0] for signature in (types, apart))
        lines[kernel.py_func.__name__] = sum(".f64" in line for line in ptx.splitlines())

    modules = [vars(module) for name, module in sys.modules.items() if name.startswith(ROOM)]
    kernels = {value.py_func.__name__ for module in modules for value in module.values() if hasattr(value, "py_func")}
    for module in modules:
        module["launch"] = compile_only
    compiled = {}
    for kind in (np.float32, np.float64):
        lines.clear()
        for name, draw in DRAW_FOR_CUDA.items():
            TWINS[name](*draw(np.random.default_rng(0), kind, 3, 3))
        compiled[kind.__name__] = lines.copy()
    return {"compiled": compiled, "kernels": sorted(kernels)}


if __name__ == "__main__":
    print(json.dumps(main()))
