"""Everything that is measured of one workload: step, floor, phases, memory, peer."""

from contextlib import ExitStack
from typing import Any

from ..backend import load
from .checks import cost
from .client import Peer, Refused
from .device import device_memory, room
from .floor import Floor
from .measure import Step, interleave, warm
from .memory import import_seconds, measure_memory
from .ours import Ours
from .phases import Breakdown, breakdown
from .place import facts, is_gpu
from .workloads import Workload

AGREE = 1e-3  # relative difference between our first loss and a peer's that is still the same loss
OTHERS = ("ours", "ours, streamed", "floor")  # contenders that are no peers


def bench(
    workload: Workload, threads: int, repeats: int, predict: bool = False, peer_python: str | None = None
) -> dict[str, Any]:
    """Everything about a workload as a JSON object, the keys of which are listed at the end.

    Where a device has no room for it, raises InputError, which names what takes it.
    """
    config = workload.config
    with room(load(config.backend), config.batch_size):
        ours = Ours(workload, predict)
    with room(ours.backend, config.batch_size, ours):
        return _measured(ours, config, threads, repeats, peer_python)


def _measured(ours, config, threads, repeats, peer_python):
    workload, predict = ours.workload, ours.predict
    on_gpu = is_gpu(ours.backend)
    with ExitStack() as stack:
        peer = stack.enter_context(Peer(peer_python, ours, threads)) if peer_python else None  # before our first step
        warmed = {"ours": warm(ours.step)}
        memory = device_memory(ours) if on_gpu else None  # of this process; while there is no floor
        floor = Floor(ours.trainer, ours.state.params, ours.batches[0], predict)
        steps: dict[str, Step] = {"ours": ours.step, "floor": floor.step}
        if on_gpu:
            steps["ours, streamed"] = ours.streamed()
        ready, about_peers = _peers(peer, on_gpu)
        steps |= {name: peer.step(name) for name in ready}
        times = interleave(steps, repeats, f"{config.model}, {workload.name}", warmed | ready)
        first_peers = dict(peer.first) if peer else {}
    peers = {name: time for name, time in times.items() if name not in OTHERS}
    parts = breakdown(ours, threads, max(repeats // 2, 3))
    checks = cost(ours, max(repeats // 2, 3))
    rows = config.batch_size
    return {
        "workload": workload.name,
        "simulated": True,
        "mode": "predict" if predict else "train",
        "model": config.model,
        "optimiser": config.optimiser,
        "batch_size": rows,
        **facts(ours.backend, config.precision, threads),
        **_floor(floor, parts, times, rows, on_gpu),
        "gemm_gflops": parts.gemm / 1e9,
        "memory_gb_per_second": parts.memory / 1e9,
        "milliseconds": {name: _milliseconds(time) for name, time in times.items()},
        "first_step_seconds": times["ours"].first,
        "phases": {name: phase._asdict() for name, phase in parts.phases.items()},
        "checks": {"ms": 1e3 * checks, "share": checks / times["ours"].median},
        "instruments": {"without": _milliseconds(parts.plain), "with": _milliseconds(parts.instrumented)},
        "peers": {name: rows / time.median for name, time in peers.items()},
        **about_peers,
        "first": {"ours": ours.first, **first_peers},
        "disagreeing": [name for name, value in first_peers.items() if not agree(ours.first, value)],
        "import_seconds": import_seconds(),
        **(memory or measure_memory(workload, threads, predict)),
    }


def _floor(floor: Floor, parts: Breakdown, times: dict, rows: int, on_gpu: bool) -> dict[str, float]:
    """Our rate, and that of the floor: a step's products, replayed; on a GPU at the rate of a large product.

    A replay is no floor there: hundreds of small products are launched one by one, and the launches may take longer
    than the products. It is a contender like others.

    memory_floor_ms  the limits of all phases: products, and the bytes of kernels at the rate of memory
    """
    seconds = floor.flop / parts.gemm if on_gpu else times["floor"].median
    rate, floor_rate = rows / times["ours"].median, rows / seconds
    return {
        "samples_per_second": rate,
        "floor_samples_per_second": floor_rate,
        "share_of_floor": rate / floor_rate,
        "floor_ms": 1e3 * seconds,
        "memory_floor_ms": sum(phase.limit_ms for phase in parts.phases.values()),
        "floor_gflop": floor.flop / 1e9,
        "floor_gflops": floor.flop / times["floor"].median / 1e9,
    }


def _peers(peer, on_gpu):
    """Warm up all settings of a peer -> {setting: (first, last)} of those that run, and what there is to say of them.

    peer                  PyTorch's version and device, or None
    peers_absent          {setting: why}
    peers_same_precision  settings that multiply as we do
    peers_peak_rss_mb     {setting: MB} of the first one, while there is no other; on a GPU peers_peak_device_mb
    """
    kind = "peak_device_mb" if on_gpu else "peak_rss_mb"
    about: dict[str, Any] = {"peer": None, "peers_absent": {}, "peers_same_precision": [], f"peers_{kind}": {}}
    try:
        told = peer.ask("settings") if peer else {"settings": []}
    except Refused as error:  # no system, loss or device of ours
        return {}, about | {"peers_absent": {"torch": str(error)}}
    names = told["settings"]
    first, absent = warm_peer(peer, names[:1])
    peaks = {name: peer.ask("memory").get(kind) for name in first}
    more, others = warm_peer(peer, names[1:])
    if peer:
        about |= {"peer": {"version": told["version"], "device": told["device"]}}
        about |= {"peers_absent": absent | others, "peers_same_precision": told["same_precision"]}
        about[f"peers_{kind}"] = {name: mb for name, mb in peaks.items() if mb is not None}
    return first | more, about


def warm_peer(peer: Peer, names: list[str]) -> tuple[dict[str, tuple[float, float]], dict[str, str]]:
    """Warm up some settings of a peer -> {setting: (first, last)}, {setting: why it is absent}."""
    warmed, absent = {}, {}
    for name in names:
        try:
            warmed[name] = warm(peer.step(name))
        except Refused as error:
            absent[name] = str(error)
    return warmed, absent


def agree(ours: float, theirs: float) -> bool:
    """Whether two first losses are the same, up to rounding of another order of adding."""
    return abs(ours - theirs) <= AGREE * abs(ours)


def _milliseconds(time):
    return {
        "median": 1e3 * time.median,
        "low": 1e3 * time.low,
        "high": 1e3 * time.high,
        "first": 1e3 * time.first,
        "repeats": time.repeats,
    }
