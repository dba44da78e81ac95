"""Say what slows training down on this machine, and what to change. Takes some seconds."""

import json
import sys
from pathlib import Path

from ..command import Parser, status
from ..errors import InputError
from .advice import advice
from .facts import facts
from .rates import rates


def run(argv):
    """The command; returns the exit status."""
    parser = Parser("python -m croco_np.doctor", description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", metavar="FILE", help="write all facts there as well")
    file = parser.parse_args(argv).json
    measured = rates()  # first: Numba names its threading layer after a parallel region only
    found = facts() | {"rates": measured}
    found["advice"] = advice(found)
    if file:
        try:
            Path(file).write_text(json.dumps(found, indent=2) + "\n")
        except OSError as error:
            raise InputError(f"--json {file}: cannot be written: {error.strerror}") from error
    print(text(found))
    return 0


def text(found):
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
        f"products     {r['gemm_one']:.0f} GFLOP/s on one thread, {r['gemm_all']:.0f} GFLOP/s on all (float32)",
        f"memory       {r['triad']:.1f} GB/s (triad)",
        f"pools        {_peace(r['peace'])}",
    ]
    return "\n".join([*lines, "", *([f"* {line}" for line in found["advice"]] or ["Nothing to change."])])


def _blas(b):
    if b is None:
        return "unknown"
    kernels = f", {b['kernels']} kernels" if b["kernels"] else ""
    return f"{b['library']} {b['version']}{kernels}, {b['threads']} thread(s), {Path(b['file']).parent.name}"


def _numba(found):
    if found["numba"] is None:
        return "absent: kernels run in NumPy"
    layer = found["numba"]["layer"] or "not started"
    return f"threading layer {layer}, {found['numba']['threads']} thread(s); kernels run in {found['kernels']}"


def _who(entry):
    return "croco_np" if entry["by"] == "croco_np" else "the user"


def _heap(state):
    if not state["pages_kept"]:
        return f"as it was: {state['why']}"
    return f"pages kept, arrays up to {state['mapped_above_bytes'] >> 20} MiB"


def _peace(ratio):
    if ratio is None:
        return "no twins run, so there is one pool only"
    return f"a product takes {ratio:.2f} times as long right after a parallel region as alone (near 1 is peace)"


def main(argv=None):
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
