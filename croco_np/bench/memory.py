"""Peak memory of a training run, measured in a process that does nothing else.

The child gets a pickled `Workload` on stdin and answers with one JSON line. It is this module, run as a script.
"""

from __future__ import annotations

import json
import pickle
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:  # at run time, only the child imports it
    from .workloads import Workload

STEPS = 6
MB = 1e6


def measure_memory(workload: Workload, threads: int, predict: bool = False) -> dict[str, float]:
    """Run some steps of the workload in a fresh process ->

    peak_rss_mb     largest resident memory, drawing the parameters included
    imports_mb      the same before the workload: interpreter, libraries, compiled kernels, a step of next to no size
    model_mb        parameters + moments of the optimiser + activations of one batch, from their arrays
    activations_mb  the last of these: what the cache of a forward pass keeps for the backward pass, and the batch
    """
    job = pickle.dumps((workload, threads, predict))
    run = subprocess.run([sys.executable, "-m", __name__], input=job, capture_output=True, check=False)
    if run.returncode:
        said = run.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {run.returncode}"]
        raise InputError(f"the process that measures memory ended early: {said[-1]}")
    return json.loads(run.stdout)


def import_seconds() -> float:
    """Seconds that a fresh interpreter takes to import all that training needs."""
    code = "import time; t = time.perf_counter(); import croco_np.train.loop; print(time.perf_counter() - t)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)


def nbytes(*roots: Any) -> int:
    """Bytes of all arrays that can be reached from the roots, through containers and attributes; each buffer once."""
    return sum(_buffers(roots).values())


def _buffers(roots):
    """{address: bytes} of the buffers behind all arrays."""
    found, seen, todo = {}, set(), list(roots)
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, np.ndarray):
            while isinstance(node.base, np.ndarray):
                node = node.base
            found[node.__array_interface__["data"][0]] = node.nbytes
        elif isinstance(node, dict):
            todo += node.values()
        elif isinstance(node, (list, tuple)):
            todo += node
        elif hasattr(node, "__dict__"):
            todo += vars(node).values()
    return found


def peak_rss() -> int:
    """Largest resident memory of this process so far, bytes.

    From the kernel's mark for this program where there is one: getrusage also counts the parent's memory at the moment
    it started us.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def child(workload: Workload, threads: int, predict: bool) -> dict[str, float]:
    """What the process does."""
    from ..kernels.pools import set_threads
    from .ours import Ours
    from .workloads import WORKLOADS

    set_threads(threads)
    tiny = {"model": workload.config.model, "optimiser": workload.config.optimiser, "batch_size": 8}
    Ours(WORKLOADS["tiny"].with_options(**tiny), predict).step(0)
    imports = peak_rss()
    ours = Ours(workload, predict)
    for i in range(STEPS):
        ours.step(i)
    peak = peak_rss()
    params = ours.state.params
    kept = nbytes(params) + (0 if predict else nbytes(ours.state.moments))
    batch = ours.batches[0]
    reached = _buffers((batch, *ours.trainer.model.forward(params, batch)))
    activations = sum(reached[at] for at in reached.keys() - _buffers((params,)).keys())
    return {
        "peak_rss_mb": peak / MB,
        "imports_mb": imports / MB,
        "model_mb": (kept + activations) / MB,
        "activations_mb": activations / MB,
    }


if __name__ == "__main__":
    print(json.dumps(child(*pickle.load(sys.stdin.buffer))))
