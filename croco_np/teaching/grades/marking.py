"""One exercise of one notebook -> its mark, and a hint."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from ...errors import InputError
from ..grading import verdict
from ..magics import plain
from ..slices import computes_numbers, is_certain, needed, place
from .answering import Gone, Limits, Raised, answering

MARKS = ("right", "not yet", "time", "failed", "open")  # from the best to the least
MODULES: Mapping[str, str] = MappingProxyType({})


class Mark(NamedTuple):
    """right, not yet (a wrong answer), time (not done in time), failed (no answer to grade), or open; and why."""

    mark: str
    hint: str


ABSENT = Mark("open", "its cell is not in the notebook")


def mark(
    cells: Sequence[str], number: str, limits: Limits, closed: Sequence[Path] = (), modules: Mapping[str, str] = MODULES
) -> Mark:
    """Mark an exercise of a notebook, given its code cells.

    Its cell runs behind the statements that it needs. If that is not right, and these may lack something, it runs once
    more behind all cells above it; the better mark counts.

    closed   folders and files that the answer may not read
    modules  {name: text} of what it may import besides
    """
    try:
        at = place(cells, number)
    except InputError:
        if not any(map(computes_numbers, cells)):
            return ABSENT
        last = max(i for i, cell in enumerate(cells) if computes_numbers(cell))
        given = _mark(number, _all_above(cells, last), limits, closed, modules)
        return ABSENT if "never comes to its line grade" in given.hint else given
    above, cell = needed(cells, number)
    job = {"above": [above], "cell": cell, "whole": False}
    first = _mark(number, job, limits, closed, modules)
    if first.mark not in ("not yet", "failed") or is_certain(cells, number):
        return first
    second = _mark(number, _all_above(cells, at), limits, closed, modules)
    return second if second.mark == "right" or (first.mark, second.mark) == ("failed", "not yet") else first


def _all_above(cells, at):
    """The job of running all cells down to a place."""
    return {"above": [plain(cell) for cell in cells[:at]], "cell": plain(cells[at]), "whole": True}


def _mark(number, job, limits, closed, modules):
    """Run a job in a process of its own, and grade the answer that it leaves there."""
    try:
        with answering(job | {"number": number, "modules": dict(modules)}, limits, closed) as answer:
            right, told = verdict(number, answer.value)
            if answer.gone:
                raise Gone(answer.timed_out)
    except Raised as error:
        return _of_error(str(error))
    except Gone as end:
        if end.timed_out:
            return Mark("time", f"not done after {limits.seconds} s")
        return Mark("failed", "its process ended before it answered: by itself, or out of memory")
    if told.startswith(f"Exercise {number} is open"):
        return Mark("open", "")
    return Mark("right", "") if right else Mark("not yet", told.partition("not yet. ")[2] or told)


def _of_error(said):
    """The statements above an answer failed: an open answer may be one of them."""
    if said.startswith("NotImplementedError"):
        return Mark("open", "")
    return Mark("failed", f"the notebook stops before there is an answer: {said.partition(chr(10))[0]}")
