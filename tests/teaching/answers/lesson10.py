"""Lesson 10."""

from . import Answer


def _line(right, *others):
    return Answer(right, {f"line {n}": n for n in others} | {"no such line": 12, "the line itself": "da = ..."})


ANSWERS = {
    "10.1": _line(4, 3),
    "10.2": _line(3, 4),
    "10.3": _line(5, 3, 6),
    "10.4": _line(3, 5),
    "10.5": _line(7, 5),
    "10.6": _line(5, 3, 6),
    "10.7": _line(4, 3),
}
