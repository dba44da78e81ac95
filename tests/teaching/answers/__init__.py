"""Answers to the exercises, right and typically wrong; a module for each lesson."""

from typing import Any, NamedTuple


class Answer(NamedTuple):
    """right: the reference answer. wrong: {what is wrong with it: an answer a student might give}, at least two."""

    right: Any
    wrong: dict[str, Any]
