"""What an answer says, in a few words: its text, cut, and its form; no answer is too long or too broken for them."""

from typing import Any

import numpy as np

LONGEST = 40  # characters of a text that stands in a sentence


def in_words(thing: Any) -> str:
    """`repr(thing)` on one line of at most `LONGEST` characters; where it fails, the form of the thing.

    Python refuses to print whole numbers of more than 4,300 digits, and an object's own `__repr__` may raise.
    """
    try:
        text = " ".join(repr(thing).split())
    except Exception:
        return form(thing)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


def form(thing: Any) -> str:
    """What kind of thing it is: "a tuple of 2", "an array of shape (3,)", "one function"."""
    if isinstance(thing, np.ndarray):
        return f"an array of shape {thing.shape}"
    if isinstance(thing, (tuple, list, dict, set)):
        return f"a {type(thing).__name__} of {len(thing)}"
    if thing is None or isinstance(thing, bool):
        return str(thing)
    if isinstance(thing, int) and abs(thing) >= 2**64:  # of which NumPy makes no number
        return "a whole number of more than 64 bits"
    return "a text" if isinstance(thing, str) else f"one {type(thing).__name__}"
