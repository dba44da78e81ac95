"""The report: a line for each item as it is done, and all of them as JSON and Markdown."""

import json
import math
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from .item import Found, Item, NotRun

STANDIN = "stand-in: no GPU was used"
WRONG = ("FAIL", "ERROR")
GLANCE = 90  # characters of what is said beside a figure


class Line(NamedTuple):
    """What came of an item: PASS, FAIL, ERROR, MET, MISSED, INFO or NOT RUN."""

    part: str
    what: str
    verdict: str
    figure: float | None
    bound: float | None
    said: str
    seconds: float


class Report:
    """Collects lines, prints each at once, and writes both files anew after each part.

    folder   where they go
    standin  whether no GPU is used: every line says so
    """

    def __init__(self, folder: Path, standin: bool) -> None:
        self.folder, self.mark = folder, f"   [{STANDIN}]" if standin else ""
        self.lines: list[Line] = []

    def go_on(self) -> None:
        """Take up the lines that an earlier process has written."""
        rows = json.loads((self.folder / "on_a_gpu.json").read_text())["lines"]
        self.lines = [Line(**row) for row in rows]

    def measure(self, part: str, item: Item) -> None:
        """Do what an item asks and note what comes of it. Whatever it raises, but for the end of the time, is noted."""
        started = time.perf_counter()
        try:
            got = item.measure()
            line = self._line(part, item, got)
        except TimeoutError:
            raise
        except NotRun as why:
            line = Line(part, item.what, "NOT RUN", None, None, str(why), 0.0)
        except Exception as error:
            line = Line(part, item.what, "ERROR", None, None, f"{type(error).__name__}: {error}", 0.0)
        self.note(line._replace(seconds=time.perf_counter() - started))

    def _line(self, part, item, got):
        if not isinstance(got, Found):
            return Line(part, item.what, "INFO", None, None, str(got), 0.0)
        if item.goal is not None:
            verdict, bound = "MET" if got.figure >= item.goal else "MISSED", item.goal
        else:
            verdict, bound = "PASS" if got.figure <= item.tolerance else "FAIL", item.tolerance
        return Line(part, item.what, verdict, float(got.figure), bound, got.where, 0.0)

    def note(self, line: Line) -> None:
        self.lines.append(line)
        print(f"{_text(line)}{self.mark}", flush=True)

    def finish(self, part: str, seconds: float) -> None:
        """Say how a part went, and write the files."""
        seen = Counter(line.verdict for line in self.lines if line.part == part)
        counts = ", ".join(f"{n} {verdict}" for verdict, n in seen.items())
        print(f"== {part}: {counts or 'nothing'}; {seconds:.0f} s{self.mark}", flush=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        rows = [line._replace(figure=_finite(line.figure))._asdict() for line in self.lines]
        facts: dict[str, Any] = {"standin": bool(self.mark), "failed": len(self.wrong), "lines": rows}
        (self.folder / "on_a_gpu.json").write_text(json.dumps(facts, indent=1, default=str) + "\n")
        (self.folder / "on_a_gpu.md").write_text(self._markdown())

    @property
    def wrong(self) -> list[Line]:
        return [line for line in self.lines if line.verdict in WRONG]

    def summary(self) -> str:
        """What failed and what was not run, then counts."""
        bad = [line for line in self.lines if line.verdict in (*WRONG, "NOT RUN", "MISSED")]
        seen = Counter(line.verdict for line in self.lines)
        counts = ", ".join(f"{n} {verdict}" for verdict, n in sorted(seen.items()))
        return "\n".join(f"{text}{self.mark}" for text in (*map(_text, bad), f"in all: {counts}"))

    def _markdown(self):
        head = ["# Checks on a GPU", *([f"\n**{STANDIN}**"] if self.mark else [])]
        for part in dict.fromkeys(line.part for line in self.lines):
            head += [f"\n## {part}\n", "| what | verdict | figure | bound | where | s |", "|---|---|---|---|---|---|"]
            for line in (line for line in self.lines if line.part == part):
                said = line.said.strip().replace("|", "\\|").replace("\n", "<br>")
                figures = f"{_number(line.figure)} | {_number(line.bound)}"
                head.append(f"| {line.what} | {line.verdict} | {figures} | {said} | {line.seconds:.1f} |")
        return "\n".join(head) + "\n"


def _text(line):
    sign = ">=" if line.verdict in ("MET", "MISSED") else "<="
    figures = "" if line.figure is None else f"  {_number(line.figure)} {sign} {_number(line.bound)}"
    said = line.said if line.verdict in (*WRONG, "INFO") else line.said[:GLANCE]
    return f"{line.verdict:<7} {line.part}: {line.what}{figures}{f'  ({said})' if said else ''}  {line.seconds:.1f} s"


def _finite(x):
    """A figure for JSON, which knows no infinity."""
    return None if x is None or not math.isfinite(x) else x


def _number(x):
    return "" if x is None else f"{x:.3g}"
