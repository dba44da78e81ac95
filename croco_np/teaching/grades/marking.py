"""One exercise of one notebook -> its mark, and a hint."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError
from ..grading import verdict
from ..slices import needed
from .answering import Gone, Limits, Raised, answering

MARKS = ("right", "not yet", "time", "failed", "open")  # from the best to the least


class Mark(NamedTuple):
    """right, not yet (a wrong answer), time (not done in time), failed (no answer to grade), or open; and why."""

    mark: str
    hint: str


def mark(cells: Sequence[str], number: str, limits: Limits, closed: Sequence[Path] = ()) -> Mark:
    """Mark an exercise of a notebook, given its code cells.

    closed  folders that the answer may not read
    """
    try:
        preamble, cell = needed(cells, number)
    except InputError:
        return Mark("open", "its cell is not in the notebook")
    job = {"preamble": preamble, "cell": cell, "number": number}
    try:
        with answering(job, limits, closed) as answer:
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
