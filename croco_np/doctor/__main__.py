"""Say what is wrong on this machine or slows training down, and what to change. Takes some seconds."""

import os
import sys
from pathlib import Path
from typing import Any

from ..command import Parser, status
from ..errors import InputError
from ..storage.files import making_way, write_report
from .advice import advice, broken
from .libraries import libraries


def run(argv: list[str] | None) -> int:
    """The command; returns the exit status."""
    parser = Parser("python -m croco_np.doctor", description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", metavar="FILE", help="also write all facts to FILE, as JSON")
    file = parser.parse_args(argv).json
    if error := libraries(["numpy"])["numpy"]["error"]:
        raise InputError(f"NumPy cannot be loaded, and nothing runs without it ({error}); pip install numpy")
    from .facts import facts  # with it NumPy
    from .gpu import gpu
    from .rates import rates

    measured = rates()  # first: Numba names its threading layer after a parallel region only
    found = facts() | {"rates": measured, "gpu": gpu()}
    found["advice"] = advice(found)
    with making_way(file):
        if file:
            write_report(file, found)
        print(text(found))
    return 0


def text(found: dict[str, Any]) -> str:
    """All facts as lines to read."""
    c, r = found["cpu"], found["rates"]
    lines = [
        f"processor    {c['name']} ({c['machine']}): {c['vector']}",
        f"cores        {c['cores']} usable of {c['cores_of_machine']}",
        f"versions     {', '.join(f'{name} {version}' for name, version in found['versions'].items() if version)}",
        *(f"BLAS         {_blas(b)}" for b in found["blas"] or [None]),
        f"Numba        {_numba(found)}",
        *(f"environment  {e['name']}={e['value']} (set by {_who(e)})" for e in found["environment"]),
        f"heap         {_heap(found['heap'])}",
        f"kernel cache {_cache(found['cache'])}",
        f"room         {_room(found['room'])}",
        *(f"{name:<12} cannot be loaded ({why})" for name, why in broken(found["libraries"]).items()),
        f"products     {_rate(r['gemm_one'])} GFLOP/s on one thread, {_rate(r['gemm_all'])} GFLOP/s on all (float32)",
        f"memory       {_rate(r['triad'])} GB/s (triad)",
        f"pools        {_peace(r['peace'])}",
        *(f"GPU          {line}" for line in _gpu(found["gpu"])),
    ]
    return "\n".join([*lines, "", *([f"* {line}" for line in found["advice"]] or ["Nothing to change."])])


def _blas(b):
    if b is None:
        return "unknown"
    kernels = f", {b['kernels']} kernels" if b["kernels"] else ""
    return f"{b['library']} {b['version']}{kernels}, {b['threads']} thread(s), {Path(b['file']).parent.name}"


def _numba(found):
    if found["numba"] is None or found["why_numpy"]:
        return f"{found['why_numpy'] or 'absent'}: kernels run in NumPy"
    layer = found["numba"]["layer"] or "not started"
    return f"threading layer {layer}, {found['numba']['threads']} thread(s); kernels run in {found['kernels']}"


def _who(entry):
    return "croco_np" if entry["by"] == "croco_np" else "the user"


def _rate(number):
    return "unknown" if number is None else f"{number:.{0 if number >= 100 else 1}f}"


def _cache(state):
    if state is None:
        return "not needed"
    where = f"in {_near(state['folder'])}" if state["folder"] else "none"
    return where + (f"; {state['why']}" if state["why"] else "") + _counted(state["damaged"], "; damaged: ")


def _counted(names, words):
    return f"{words}{names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}" if names else ""


def _room(found):
    disk, memory = (("unknown" if n is None else f"{n / 1e9:.1f} GB") for n in (found["disk"], found["memory"]))
    return f"{disk} free in {_near(found['folder'])}{' (not writable)' if found['error'] else ''}, {memory} of memory"


def _near(path):
    """A path as it looks from here, if it is not far away."""
    try:
        here = os.path.relpath(path)
    except (OSError, ValueError):  # a folder that was deleted, another drive
        return path
    return path if here.startswith(os.path.join("..", "..", "..")) else "this folder" if here == "." else here


def _heap(state):
    if not state["pages_kept"]:
        return f"as it was: {state['why']}"
    return f"pages kept, arrays up to {state['mapped_above_bytes'] >> 20} MiB"


def _peace(ratio):
    if ratio is None:
        return "no twins run, so there is one pool only"
    return f"a product takes {ratio:.2f} times as long right after a parallel region as alone (1: idle threads sleep)"


def _gpu(state):
    if "none" in state:
        return [f"none: {state['none']}"]
    r = state["rates"]
    twins = f"cannot be compiled ({state['why_no_twins']})" if state["why_no_twins"] else "can be compiled"
    lines = [
        f"{state['name']}, compute capability {state['capability']}, {state['free'] / 1e9:.1f} GB free of "
        f"{state['total'] / 1e9:.1f} GB",
        f"CUDA {state['runtime']}, a driver for {state['driver']}; CuPy {state['cupy']}, "
        f"numba-cuda {state['numba_cuda'] or 'absent'}: CUDA twins {'are not tried' if state['standin'] else twins}",
        f"products {_rate(r['float32'])} TFLOP/s in float32, {_rate(r['tf32'])} in tf32",
        f"its memory {_rate(r['copy'])} GB/s (a copy, read and written)",
        f"from the host {_rate(r['pinned'])} GB/s pinned, {_rate(r['pageable'])} GB/s pageable; a call of a NumPy "
        f"function takes {_rate(r['call'])} us",
    ]
    return [f"{line} [stand-in, no GPU: times mean nothing]" for line in lines] if state["standin"] else lines


def main(argv: list[str] | None = None) -> int:
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
