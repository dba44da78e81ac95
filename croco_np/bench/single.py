"""Everything that is measured of one workload: step, floor, phases, memory, peer."""

from contextlib import ExitStack
from typing import Any

from ..machine import cpu
from ..machine.rates import blas
from .checks import cost
from .client import Peer, Refused
from .floor import Floor
from .measure import Step, interleave, warm
from .memory import import_seconds, measure_memory
from .ours import Ours
from .phases import breakdown
from .workloads import Workload

AGREE = 1e-3  # relative difference between our first loss and a peer's that is still the same loss


def bench(
    workload: Workload, threads: int, repeats: int, predict: bool = False, peer_python: str | None = None
) -> dict[str, Any]:
    """Everything about a workload as a JSON object, the keys of which are listed at the end."""
    config = workload.config
    ours = Ours(workload, predict)
    floor = Floor(ours.trainer, ours.state.params, ours.batches[0], predict)
    with ExitStack() as stack:
        peer = stack.enter_context(Peer(peer_python, ours, threads)) if peer_python else None
        steps: dict[str, Step] = {"ours": ours.step, "floor": floor.step}
        warmed, peer_memory = {"ours": warm(ours.step)}, {}
        absent: dict[str, str] = {}
        if peer:
            names = peer.ask("settings")["settings"]
            settings, absent = warm_peer(peer, names[:1])
            peer_memory = {name: peer.ask("memory")["peak_rss_mb"] for name in settings}  # while there is no other
            more, others = warm_peer(peer, names[1:])
            settings, absent = settings | more, absent | others
            steps |= {name: peer.step(name) for name in settings}
            warmed |= settings
        times = interleave(steps, repeats, f"{config.model}, {workload.name}", warmed)
        peers = {name: time for name, time in times.items() if name not in ("ours", "floor")}
        first_peers = dict(peer.first) if peer else {}
    parts = breakdown(ours, threads, max(repeats // 2, 3))
    checks = cost(ours, max(repeats // 2, 3))
    rows = config.batch_size
    rate, floor_rate = rows / times["ours"].median, rows / times["floor"].median
    return {
        "workload": workload.name,
        "simulated": True,
        "mode": "predict" if predict else "train",
        "model": config.model,
        "optimiser": config.optimiser,
        "batch_size": rows,
        "threads": threads,
        "cpu": cpu.name(),
        "blas": blas(),
        "samples_per_second": rate,
        "floor_samples_per_second": floor_rate,
        "share_of_floor": rate / floor_rate,
        "floor_gflop": floor.flop / 1e9,
        "floor_gflops": floor.flop / times["floor"].median / 1e9,
        "gemm_gflops": parts.gemm / 1e9,
        "memory_gb_per_second": parts.memory / 1e9,
        "milliseconds": {name: _milliseconds(time) for name, time in times.items()},
        "first_step_seconds": times["ours"].first,
        "phases": {name: phase._asdict() for name, phase in parts.phases.items()},
        "checks": {"ms": 1e3 * checks, "share": checks / times["ours"].median},
        "instruments": {"without": _milliseconds(parts.plain), "with": _milliseconds(parts.instrumented)},
        "peers": {name: rows / time.median for name, time in peers.items()},
        "peers_absent": absent,
        "peers_peak_rss_mb": peer_memory,
        "first": {"ours": ours.first, **first_peers},
        "disagreeing": [name for name, value in first_peers.items() if not agree(ours.first, value)],
        "import_seconds": import_seconds(),
        **measure_memory(workload, threads, predict),
    }


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
