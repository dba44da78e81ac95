"""Measurements as tables."""

from collections.abc import Iterator
from typing import Any

from .place import line, marked
from .sweeps import Row


def single(r: dict[str, Any]) -> Iterator[str]:
    """The report on one workload, from the JSON object of `single.bench`: lines."""
    yield from marked(_single(r), r["standin"])


def _single(r):
    what = "inference" if r["mode"] == "predict" else f"training with {r['optimiser']}"
    yield f"{r['model']} on {r['workload']} (made-up ids), {what}, batches of {r['batch_size']:,}"
    yield line(r)
    if r["peer"]:
        yield f"peer: PyTorch {r['peer']['version']} on {r['peer']['device']}"
    yield ""
    yield from _contenders(r)
    yield from _floor(r)
    yield from _agreement(r)
    yield ""
    yield from _phases(r)
    yield ""
    yield from _start(r) if r["backend"] == "numpy" else _on_device(r)


def _floor(r):
    rate, share, ms = r["floor_gflops"], r["share_of_floor"], r["milliseconds"]
    products = f"the products alone, {r['floor_gflop']:.3g} GFLOP a step"
    if r["backend"] == "numpy":
        yield f"floor: {products} at {rate:,.0f} GFLOP/s; we reach {share:.0%}"
        machine = "this machine"
    else:
        yield f"floor: {products} at the rate of a large product, {r['floor_ms']:.3g} ms; we reach {share:.0%}"
        with_memory = r["memory_floor_ms"]
        yield (
            f"with the bytes of kernels at the rate of memory {with_memory:.3g} ms; "
            f"we reach {with_memory / ms['ours']['median']:.0%}"
        )
        machine = f"this GPU, {r['precision']}"
    memory = f"{r['memory_gb_per_second']:,.{1 if r['memory_gb_per_second'] < 100 else 0}f} GB/s of memory"
    yield f"{machine}: {r['gemm_gflops']:,.0f} GFLOP/s in a large product, {memory}"


def _contenders(r):
    ours, ms, rows = r["samples_per_second"], r["milliseconds"], r["batch_size"]
    yield f"{'':<20}{'samples/s':>11}{'ms a step':>11}{'quartiles':>16}{'repeats':>9}{'ours is':>12}"
    order = [name for name in ("ours", "ours, streamed", *r["peers"], "floor") if name in ms]
    for name in order:
        t, rate = ms[name], 1e3 * rows / ms[name]["median"]
        label = "products, replayed" if name == "floor" and r["backend"] != "numpy" else name
        ratio = "" if name == "ours" else f"{ours / rate:.2f} x"
        figures = f"{label:<20}{rate:>11,.0f}{_ms(t['median']):>11}{_ms(t['low']):>8}{_ms(t['high']):>8}"
        other = name in r["peers"] and name not in r["peers_same_precision"]
        yield figures + f"{t['repeats']:>9}{ratio:>12}".rstrip() + ("   in another precision" if other else "")
    for name, why in r["peers_absent"].items():
        yield f"{name:<20}absent: {why}"
    few = [name for name in r["peers"] if ms[name]["repeats"] < ms["ours"]["repeats"]]
    if few:
        yield f"{', '.join(few)}: fewer repeats, being slow"


def _ms(number):
    """Milliseconds to one decimal, or to three digits where they are few."""
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def _agreement(r):
    what = "mean probability" if r["mode"] == "predict" else "loss"
    ours = r["first"]["ours"]
    for name in r["disagreeing"]:
        yield f"!!! {name} DOES NOT COMPUTE THE SAME: its first {what} is {r['first'][name]:.6g}, ours {ours:.6g}"
    agreeing = [name for name in r["peers"] if name not in r["disagreeing"]]
    if agreeing:
        yield f"first {what}: ours {ours:.6g}, " + ", ".join(f"{name} {r['first'][name]:.6g}" for name in agreeing)


def _phases(r):
    total = sum(p["ms"] for p in r["phases"].values())
    yield f"{'phase':<20}{'ms':>9}{'share':>8}   limit"
    for name, p in ((name, p) for name, p in r["phases"].items() if p["ms"] or p["limit"]):
        limit = f"{p['limit_ms']:.2f} ms ({p['limit']})" if p["limit"] else "-"
        yield f"{name:<20}{p['ms']:>9.2f}{p['share']:>8.1%}   {limit}"
    checks = r["checks"]
    whose = "of arguments; counted above, too" if r["backend"] == "numpy" else "of arguments: the host's own time"
    yield f"{'checks':<20}{checks['ms']:>9.2f}{checks['share']:>8.1%}   {whose}"
    plain, timed = (r["instruments"][word]["median"] for word in ("without", "with"))
    yield f"{'all':<20}{total:>9.2f}{1:>8.0%}   a step: {plain:.1f} ms without instruments, {timed:.1f} ms with them"


def _start(r):
    first, imports = r["first_step_seconds"], r["import_seconds"]
    yield f"imports: {imports:.2f} s; first step (compiles, or loads what was compiled): {first:.2f} s"
    kept = "parameters" if r["mode"] == "predict" else "parameters, moments"
    yield f"peak memory: {r['peak_rss_mb']:,.0f} MB, {r['peak_rss_mb'] / r['model_mb']:.2f} x what must be there:"
    yield f"    {r['model_mb']:,.0f} MB of {kept} and activations of a batch ({r['activations_mb']:,.0f} MB)"
    yield f"    {r['imports_mb']:,.0f} MB were taken before: interpreter, libraries, compiled kernels"
    for name, mb in r["peers_peak_rss_mb"].items():
        yield f"    {name} takes {mb:,.0f} MB; ours is {r['peak_rss_mb'] / mb:.2f} x"


def _on_device(r):
    first, kept = r["first_step_seconds"], "parameters" if r["mode"] == "predict" else "parameters, moments"
    yield f"imports: {r['import_seconds']:.2f} s; first step (compiles, or loads what was compiled): {first:.2f} s"
    yield f"device memory: CuPy's pool took {r['peak_device_mb']:,.0f} MB of {r['device_mb']:,.0f} MB at most;"
    yield f"    {r['model_mb']:,.0f} MB are {kept}, {r['batches_mb']:,.0f} MB the batches, which all stay there here"
    for name, mb in r["peers_peak_device_mb"].items():
        yield f"    {name} took {mb:,.0f} MB; ours is {r['peak_device_mb'] / mb:.2f} x"


def table(title: str, rows: list[Row]) -> Iterator[str]:
    """A sweep's table."""
    peers = any(row.peer or row.peer_note for row in rows)
    yield title
    yield f"{'':<16}{'ms a step':>11}{'samples/s':>11}{'time a sample':>15}" + (
        f"{'peer':>11}{'ours/peer':>11}" if peers else ""
    )
    for row in rows:
        rate = row.batch_size / row.time.median
        line = f"{row.label:<16}{1e3 * row.time.median:>11.1f}{rate:>11,.0f}{row.ratio:>13.2f} x"
        if row.peer:
            theirs = row.batch_size / row.peer.median
            line += f"{theirs:>11,.0f}{rate / theirs:>9.2f} x"
        yield line + (f"   {row.peer_note}" if row.peer_note else "")


def rows_json(rows: list[Row]) -> list[dict[str, Any]]:
    """A sweep's table for a file."""
    return [
        {
            "label": row.label,
            "batch_size": row.batch_size,
            "milliseconds": 1e3 * row.time.median,
            "samples_per_second": row.batch_size / row.time.median,
            "ratio": row.ratio,
            "peer_samples_per_second": row.batch_size / row.peer.median if row.peer else None,
            "peer_note": row.peer_note,
        }
        for row in rows
    ]
