"""Advice about the GPU, given its facts and rates. Limits are rules of thumb: no GPU of ours has tried them yet."""

from collections.abc import Callable
from typing import Any

INSTALL = "pip install 'croco-np[gpu]'"  # `backend.EXTRA`: the doctor starts without NumPy, which that file loads
FREE = 0.5  # share of a GPU's memory that should be free
NARROW = 5.0  # GB/s to a GPU: 16 lanes of PCIe 3 carry about 12, of PCIe 4 twice that
LATE = 50.0  # microseconds of a small call


def _of_a_gpu(rule: Callable) -> Callable:
    """The rule for where there is a GPU, as a rule for all machines; the stand-in is no GPU."""

    def applied(found: dict[str, Any]) -> str | None:
        state = found["gpu"]
        return None if "none" in state or state["standin"] else rule(state)

    return applied


def _twins(state):
    if state["why_no_twins"]:
        return f"kernels run on the GPU as CuPy has them, more slowly: {state['why_no_twins']}; {INSTALL}"


def _taken(state):
    share = state["free"] / state["total"]
    if share < FREE:
        return f"other programs have taken {1 - share:.0%} of the GPU's memory: nvidia-smi names them"


def _slot(state):
    rate = state["rates"]["pinned"]
    if rate is not None and rate < NARROW:
        return (
            f"the host sends the GPU {rate:.1f} GB/s only, so it may sit in a narrow slot or save power: "
            "nvidia-smi -q tells the lanes of its link"
        )


def _calls(state):
    call = state["rates"]["call"]
    if call is not None and call > LATE:
        return (
            f"a call on the GPU takes the host {call:.0f} us, so small batches wait for the host: "
            "choose a larger --batch-size, and leave it a core"
        )


RULES = tuple(_of_a_gpu(rule) for rule in (_twins, _taken, _slot, _calls))
