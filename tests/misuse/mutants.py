"""Arguments gone wrong, one at a time, and what came of the calls.

Arrays lie between guards, which show what was written outside of them.
"""

import json
import sys
from collections import Counter

import numpy as np

GUARD = 64  # bytes on either side of an array that nobody may touch
REFUSALS = (ValueError, TypeError, IndexError)


class Guarded:
    """Copies of arguments, each array in the middle of a larger one that is full of a pattern.

    What has no place there, such as a view with gaps, is handed on as it is.
    """

    def __init__(self, arguments):
        self.arguments, self.buffers = [], []
        for a in arguments:
            if type(a) is not np.ndarray or a.dtype.hasobject or not a.flags.forc:
                self.arguments.append(a)
                continue
            order = "C" if a.flags.c_contiguous else "F"
            buffer = np.full(a.nbytes + 2 * GUARD, 0xA5, np.uint8)
            copy = buffer[GUARD : GUARD + a.nbytes].view(a.dtype).reshape(a.shape, order=order)
            copy[...] = a
            copy.flags.writeable = a.flags.writeable
            self.arguments.append(copy)
            self.buffers.append((buffer, buffer.copy()))

    def outside(self):
        """Whether a guard was written to."""
        return any((b[:GUARD] != was[:GUARD]).any() or (b[-GUARD:] != was[-GUARD:]).any() for b, was in self.buffers)

    def changed(self):
        """Whether anything was written to at all."""
        return any(not np.array_equal(b, was) for b, was in self.buffers)


def resized(a):
    """{label: a with one axis longer, shorter, or of length 1}, with entries that are legal in themselves."""
    found = {}
    for axis, n in enumerate(a.shape):
        sizes = {"longer": n + 1, "shorter": max(n - 1, 0), "of length 1": 1}
        found |= {f"axis {axis} {label}": np.take(a, np.arange(m) % n, axis) for label, m in sizes.items() if m != n}
    return found


def misshapen(a):
    """{label: a of another number of axes, or no array}."""
    return {"an axis less": a[0], "an axis more": a[None], "a list": a.tolist(), "None": None, "a number": 1.0}


class Lying(np.ndarray):
    """An array that says of itself that all is well."""

    def min(self, *args, **options):
        return 0

    max = min

    def _never(self, other):
        return np.zeros(self.shape, bool)

    __lt__ = __ge__ = _never


def subclassed(a):
    """{label: a as an array of another class, which no function can take at its word}."""
    matrix = {"a matrix": np.matrix(a)} if a.ndim == 2 else {}
    return {"masked": np.ma.masked_array(a), "lying": a.view(Lying)} | matrix


def of_other_dtype(a):
    """{label: a in a dtype that no function takes in its place}."""
    other = np.float64 if a.dtype.kind in "iub" else np.int64
    found = {"object": a.astype(object), "text": a.astype(str)} | subclassed(a)
    found |= {np.dtype(other).name: a.astype(other)}
    if a.dtype.itemsize > 1:
        found["big-endian"] = a.astype(a.dtype.newbyteorder(">"))
    return found | ({"bool": a.astype(bool), "uint64": a.astype(np.uint64)} if a.dtype.kind == "i" else {})


def at_first(a, value):
    """A copy with another first entry."""
    a = a.copy()
    a.flat[0] = value
    return a


BAD_SLICES = {  # {label: slices of 4 rows or more, the last not empty -> slices gone wrong}
    "a gap": lambda s: (s[0], slice(s[1].start + 1, s[1].stop), *s[2:]),
    "an overlap": lambda s: (*s[:-1], slice(s[-1].start - 1, s[-1].stop)),
    "one row too few": lambda s: (*s[:-1], slice(s[-1].start, s[-1].stop - 1)),
    "beyond the end": lambda s: (*s[:-1], slice(s[-1].start, s[-1].stop + 1)),
    "one less": lambda s: s[:-1],
    "one more": lambda s: (*s, slice(s[-1].stop, s[-1].stop)),
    "another order": lambda s: s[::-1],
    "negative": lambda s: (slice(s[0].start, s[0].stop), *s[1:-1], slice(-4, None)),
    "stepping": lambda s: (*s[:-1], slice(s[-1].start, s[-1].stop, 2)),
    "no slices": lambda s: tuple(np.arange(r.start, r.stop) for r in s),
    "floats": lambda s: tuple(slice(float(r.start), float(r.stop)) for r in s),
}


OPEN_SLICES = {  # legal for who only slices with them, not for who counts rows
    "no beginning": lambda s: (slice(None, s[0].stop), *s[1:]),
    "no end": lambda s: (*s[:-1], slice(s[-1].start, None)),
}


def wrong_floats(a, lengths=True):
    """{label: an array of floats gone wrong in shape or dtype}."""
    found = {"an axis less": a[0], "an axis more": a[None], "a list": a.tolist(), "integers": a.astype(np.int64)}
    found |= {"object": a.astype(object), "float16": a.astype(np.float16)} | subclassed(a)
    found["big-endian"] = a.astype(a.dtype.newbyteorder(">"))
    return found | {label: bad for label, bad in resized(a).items() if lengths or not label.startswith("axis 0")}


def wrong_ids(ids, limit):
    """{label: ids (N, F) gone wrong}; limit: the vocabulary of the first field."""
    found = {"an axis less": ids[0], "an axis more": ids[None], "floats": ids.astype(float), "a list": ids.tolist()}
    found |= {"bool": ids.astype(bool), "uint64": ids.astype(np.uint64), "a field less": ids[:, :-1]}
    found |= {"a field more": np.repeat(ids, 2, axis=1), "big-endian": ids.astype(ids.dtype.newbyteorder(">"))}
    found |= subclassed(ids) | {"a mask over it": np.ma.masked_equal(at_first(ids, 10**9), 10**9)}
    return found | {str(bad): at_first(ids, bad) for bad in (-1, limit, 20_000, 10**9, -(2**62))}


def report(cases, judge):
    """Print a JSON object: how often each verdict, and a line for each case (label, *call) that went wrong."""
    counts, wrong = Counter(), []
    for label, *call in cases:
        print(label, file=sys.stderr, flush=True)  # the last line says what ended the process
        verdict = judge(*call)
        counts[verdict.split(":")[0]] += 1
        if verdict not in ("refused", "as defined"):
            wrong.append(f"{label}: {verdict}")
    print(json.dumps({"counts": counts, "wrong": wrong}))


def must_be_refused(call):
    """A KeyError is a refusal, too: a dict without a key."""
    try:
        call()
    except (*REFUSALS, KeyError):
        return "refused"
    except Exception as error:
        return f"WRONG KIND: {error!r}"
    return "SILENT"
