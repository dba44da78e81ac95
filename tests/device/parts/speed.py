"""Part 7: the benchmark at AliCCP's sizes, beside PyTorch on the same GPU where it is installed.

Its goals are no verdict on correctness.
"""

import json
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from .command import output_of
from .item import Found, Item, NotRun, Place

FASTER = 1.5  # times PyTorch, eager, at the same precision
OF_FLOOR = 0.6  # of the rate of the products alone, at the larger batch
LARGE = 65536
RUNS = [("float32", 4096), ("float32", LARGE), ("tf32", LARGE), ("tf32", 4096)]
LONGEST = 100  # seconds of one run
PEER = ("--peer", "torch") if find_spec("torch") else ()


def speed(place: Place) -> Iterator[Item]:
    found: dict = {}
    for precision, rows in [("float32", 64)] if place.standin else RUNS:
        key = f"{precision}, batch {rows}"
        yield Item(key, lambda precision=precision, rows=rows, key=key: bench(place, precision, rows, found, key))
        if key in found and not place.standin:
            yield Item(f"{key}: times PyTorch's eager rate", lambda r=found[key]: beside_eager(r), goal=FASTER)
            if rows == LARGE:
                yield Item(f"{key}: share of the floor", lambda r=found[key]: Found(r["share_of_floor"]), goal=OF_FLOOR)


def bench(place: Place, precision: str, rows: int, found: dict, key: str) -> str:
    """Run it in a process of its own; its JSON object goes into `found`."""
    place.gpu.xp.get_default_memory_pool().free_all_blocks()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.json"
        flags = ["--backend", "cupy", "--precision", precision, "--batch-size", str(rows), "--json", str(file)]
        flags += ["--workload", "tiny", "--repeats", "2"] if place.standin else ["--repeats", "9", *PEER]
        output_of("croco_np.bench", flags, LONGEST)
        found[key] = r = json.loads(file.read_text())
    others = ", ".join(f"{name} {rate:,.0f} samples/s" for name, rate in r["peers"].items())
    beside = f"beside it: {others or 'nothing'}"
    absent = "".join(f"; {name} absent: {why}" for name, why in r["peers_absent"].items())
    ms = r["milliseconds"]["ours"]["median"]
    return (
        f"{r['samples_per_second']:,.0f} samples/s, {ms:.3g} ms a step; products {r['floor_ms']:.3g} ms, with the "
        f"bytes of kernels {r['memory_floor_ms']:.3g} ms; kernels: {r['kernels']}; {beside}{absent}"
    )


def beside_eager(r: dict) -> Found:
    """Our rate by the best of PyTorch's at our precision that is not compiled."""
    if not PEER:
        raise NotRun("PyTorch is not installed")
    same = [name for name in r["peers_same_precision"] if "compile" not in name]
    rates = {name: rate for name, rate in r["peers"].items() if name in same}
    if not rates:
        raise NotRun(f"no eager peer at this precision: {r['peers_absent']}")
    name = max(rates, key=rates.__getitem__)
    return Found(r["samples_per_second"] / rates[name], name)
