"""Sweeps: the time of a step as one size grows and the others stay."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..backend import load
from ..errors import InputError
from ..kernels.twin import running
from ..models import MODELS
from ..models.assembly import shapes_of
from ..models.twins import forms
from .client import Peer
from .device import room
from .measure import Timing, interleave, warm
from .ours import Ours
from .single import agree, warm_peer
from .workloads import Workload

BYTES = 13  # of memory for a parameter: itself and two moments (as much as while it is drawn), and a little more
ACTIVATIONS, ROWS = 400, 4096  # megabytes for a batch of so many rows, or fewer; generously
PEER_SETTING = {  # the same optimiser in the same precision
    ("lazy_adam", "float32"): "torch-fp32",
    ("adam", "float32"): "torch-fp32-dense",
    ("lazy_adam", "tf32"): "torch-tf32",
    ("adam", "tf32"): "torch-tf32-dense",
}
SPARE = 0.8  # share of the free memory that a sweep may plan with


class Row(NamedTuple):
    """A point of a sweep; `ratio` is its seconds a sample over those of the first point, timed in turns with it.

    peer, peer_note  `Timing` of the peer with the same optimiser; or why there is none, or None
    """

    label: str
    batch_size: int
    time: Timing
    ratio: float
    peer: Timing | None = None
    peer_note: str | None = None


def points(name: str, workload: Workload, optimiser: str | None = None) -> list[tuple[str, dict[str, Workload]]]:
    """The tables of a sweep: [(title, {label: Workload}), ...]. The first point of each is what others are held to."""
    if name == "vocabulary":
        return [
            (
                f"vocabulary, {kind}",
                {f"x{n}": workload.with_vocabulary(n).with_options(optimiser=kind) for n in (1, 10)},
            )
            for kind in ([optimiser] if optimiser else ["lazy_adam", "adam"])
        ]
    if name == "twins":
        return _twins(workload)
    if name == "domains":
        return [(name, {f"{n} domains": workload.with_domains(n) for n in (5, 10, 20, 50)})]
    if name == "experts":
        return [(name, {f"M = {n}": workload.with_options(n_experts=n) for n in (2, 4, 6, 8, 10)})]
    if name == "batch":
        most = 16 if workload.config.backend == "cupy" else 14  # a GPU is not busy before
        return [(name, {f"batch {n}": workload.with_options(batch_size=n) for n in 2 ** np.arange(9, most + 1)})]
    return [(name, {model: workload.with_options(model=model) for model in MODELS})]


def _twins(workload):
    """A table for each system that has a twin: the definition first, then the twin."""
    if workload.config.backend != "numpy":
        raise InputError("--sweep twins: is for --backend numpy; on a GPU models run as they are defined")
    if running() == "numpy":
        raise InputError("--sweep twins: kernels run in NumPy, where models run as they are defined; it needs Numba")
    tables = []
    for name in MODELS:
        system = workload.with_options(model=name)
        labels = list(forms(MODELS[name].build(system.schema, **system.config.sizes)))
        if len(labels) > 1:
            points = {name: replace(system, twins=False), f"{name}, {labels[1]}": system}
            tables.append((f"{name} and its twin", points))
    return tables


SWEEPS = ("vocabulary", "domains", "experts", "batch", "systems", "twins")


def sweep(
    title: str,
    workloads: dict[str, Workload],
    threads: int,
    repeats: int,
    predict: bool = False,
    peer_python: str | None = None,
) -> list[Row]:
    """Time the points of one table -> list of `Row`s.

    All points are built first and take turns. Where memory is too little for that, each takes turns with the first.
    """
    labels = list(workloads)
    sizes = {label: megabytes(w) * (3 if peer_python else 1) for label, w in workloads.items()}
    backend = load(next(iter(workloads.values())).config.backend)
    memory = backend.memory()
    free = SPARE * (memory.free / 1e6 if memory else free_megabytes())
    together = sum(sizes.values()) <= free
    groups = [labels] if together else [[labels[0], label] for label in labels[1:]]
    need = max(sum(sizes[label] for label in group) for group in groups)
    if need > free:
        raise InputError(
            f"--sweep {title}: takes about {need / 1000:.0f} GB of memory and {free / 1000:.0f} GB are to be had; "
            "choose a smaller --workload"
        )
    rows: dict[str, Row] = {}
    for group in groups:
        what = title if together else f"{title}, {group[-1]}"
        chosen = {label: workloads[label] for label in group}
        peers = [label for label in group if label not in rows] if peer_python else []
        with room(backend, max(w.config.batch_size for w in chosen.values())):
            timed = _group(chosen, what, repeats, predict, peers, (peer_python, threads))
        rows |= {label: row for label, row in timed.items() if label not in rows}
    return list(rows.values())


def _group(workloads, what, repeats, predict, peers, how):
    """{label: `Row`} of workloads in turns. peers: the labels that have one; how: its interpreter and threads."""
    with ExitStack() as stack:
        ours, steps, warmed, notes = {}, {}, {}, dict.fromkeys(workloads)
        for label, workload in workloads.items():
            ours[label] = Ours(workload, predict)
            peer = stack.enter_context(Peer(how[0], ours[label], how[1])) if label in peers else None
            steps[label], warmed[label] = ours[label].step, warm(ours[label].step)
            if peer:
                setting = PEER_SETTING[workload.config.optimiser, workload.config.precision]
                ready, absent = warm_peer(peer, [setting])
                notes[label] = absent.get(setting)
                if ready:
                    steps[label, "peer"], warmed[label, "peer"] = peer.step(setting), ready[setting]
                    if not agree(ours[label].first, peer.first[setting]):
                        notes[label] = f"DISAGREES: first step {peer.first[setting]:.6g}, ours {ours[label].first:.6g}"
        times = interleave(steps, repeats, what, warmed)
    sizes = {label: w.config.batch_size for label, w in workloads.items()}
    first = next(iter(workloads))
    base = times[first].median / sizes[first]
    return {
        label: Row(
            label,
            sizes[label],
            times[label],
            times[label].median / sizes[label] / base,
            times.get((label, "peer")),
            notes[label],
        )
        for label in workloads
    }


def megabytes(workload: Workload) -> float:
    """About what a workload takes while it trains."""
    config = workload.config
    shapes = shapes_of(MODELS[config.model].build(workload.schema, **config.sizes))
    rows = max(config.batch_size, ROWS) / ROWS
    return BYTES * sum(int(np.prod(shape)) for shape in shapes.values()) / 1e6 + ACTIVATIONS * rows


def free_megabytes() -> float:
    """Memory that may be used, as far as the system tells."""
    info = Path("/proc/meminfo")
    lines = info.read_text().splitlines() if info.exists() else []
    free = [int(line.split()[1]) / 1e3 for line in lines if line.startswith("MemAvailable")]
    return free[0] if free else float("inf")
