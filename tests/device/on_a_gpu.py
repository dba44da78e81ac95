"""All checks that need a GPU, in one call of less than ten minutes.

    python tests/device/on_a_gpu.py --kuairand DIR --out FOLDER
    python tests/device/on_a_gpu.py --standin                    as far as it goes where there is no GPU

Runs from the sources: nothing has to be installed but what the package needs, CuPy, numba-cuda, and PyTorch for the
comparison in part 7. Prints what was checked, the figure, its tolerance, PASS or FAIL and the seconds, goes on after a
failure, and writes on_a_gpu.json and on_a_gpu.md into FOLDER ($OUT, or else the folder it is called in). Exit status 1
if anything failed, 2 if nothing could be run. A goal that is MISSED, and what was NOT RUN for want of time, is no
failure.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

SCRIPT = Path(__file__).resolve()
ROOT = SCRIPT.parents[2]
LIMITS = {"machine": 30, "twins": 70, "parity": 120, "gradients": 80, "golden": 40, "steps": 40, "kuairand": 80}
LIMITS |= {"speed": 110}  # seconds; what a part leaves, the next ones may use


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = ", ".join(f"{i} {name}" for i, name in enumerate(LIMITS))
    parser.add_argument("--only", metavar="N,N", help=f"parts to run, of {numbers}")
    parser.add_argument("--systems", metavar="NAME,NAME", help="systems to go through (default: all)")
    parser.add_argument("--kuairand", metavar="DIR", type=Path, help="folder of KuaiRand's raw files, for part 6")
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="where the reports go (default: $OUT, or here)")
    parser.add_argument("--go-on", action="store_true", help="add to the reports that are there")
    parser.add_argument("--standin", action="store_true", help="use the stand-in for CuPy: no GPU is used")
    args = parser.parse_args(argv)
    if args.standin:
        os.environ["CROCO_NP_CUPY"] = "standin"
    folder = Path(args.out or os.environ.get("OUT") or ".").absolute()
    kuairand = args.kuairand and args.kuairand.absolute()
    os.chdir(ROOT)  # child processes find the package there
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    try:
        from croco_np.errors import InputError
        from croco_np.models import MODELS

        chosen = _chosen(args.only, parser)
        systems = tuple((args.systems or ",".join(MODELS)).split(","))
        if strangers := set(systems) - set(MODELS):
            parser.error(f"--systems {', '.join(strangers)}: choose from {', '.join(MODELS)}")
        place = _place(systems, kuairand)
    except ModuleNotFoundError as error:
        return _say(f"{error.name} is missing: the package needs it ({error})")
    except InputError as error:
        return _say(f"{error}\n--standin runs the checks as far as they go without a GPU")
    from device.parts.report import Report

    report = Report(folder, place.standin)
    if args.go_on:
        report.go_on()
    ends = time.monotonic()
    for done, name in enumerate(chosen, 1):
        ends += LIMITS[name]
        _run(name, _items(name, place), place, report, ends)
        rest = [str(list(LIMITS).index(other)) for other in chosen[done:]]
        if rest and not _is_well(place):
            print("== the device takes no more work from this process: a new one goes on", flush=True)
            again = [*(sys.argv[1:] if argv is None else argv), "--only", ",".join(rest), "--out", str(folder)]
            return subprocess.call([sys.executable, str(SCRIPT), *again, "--go-on"])
    print(f"\n{report.summary()}", flush=True)
    return 1 if report.wrong else 0


def _place(systems, kuairand):
    from croco_np import backend
    from device.parts.item import Place

    gpu = backend.load("cupy")
    gpu.multiply_in("float32")
    return Place(gpu, systems, kuairand)


def _is_well(place):
    """Whether the device still works: after an access outside its memory it refuses all else to the process."""
    import numpy as np

    try:
        place.gpu.bring(np.zeros(1)).sum()
        place.gpu.wait()
    except Exception:
        return False
    return True


def _chosen(only, parser):
    """Names of the parts asked for, in order."""
    names = list(LIMITS)
    wanted = only.split(",") if only else [str(i) for i in range(len(names))]
    if strangers := [n for n in wanted if not n.isdigit() or int(n) >= len(names)]:
        parser.error(f"--only {strangers[0]}: there are parts 0 to {len(names) - 1}")
    return [name for i, name in enumerate(names) if str(i) in wanted]


def _items(name, place):
    """The items of a part, which is imported now: one that misses a package leaves the others to go on."""
    yield from getattr(import_module(f"device.parts.{name}"), name)(place)


def _run(name, items, place, report, ends):
    """All items of a part, until its time is over; then those that are left are named."""
    from device.parts.report import Line

    started, place.ends = time.monotonic(), ends
    try:
        while (item := _next(items, name, report)) is not None:
            if place.left < 1:
                report.note(Line(name, item.what, "NOT RUN", None, None, "out of time", 0.0))
                continue
            began = time.monotonic()
            try:
                with _alarm(place.left):
                    report.measure(name, item)
            except TimeoutError:
                report.note(Line(name, item.what, "NOT RUN", None, None, "out of time", time.monotonic() - began))
    finally:
        report.finish(name, time.monotonic() - started)


def _next(items, name, report):
    """The next item; None after the last, or where the part itself fails."""
    from device.parts.report import Line

    try:
        return next(items, None)
    except Exception as error:
        report.note(Line(name, "the part itself", "ERROR", None, None, f"{type(error).__name__}: {error}", 0.0))
        return None


@contextmanager
def _alarm(seconds):
    """Raise TimeoutError inside the `with` block when the time is over."""

    def late(signum, frame):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _say(text):
    print(f"on_a_gpu.py: {text}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
