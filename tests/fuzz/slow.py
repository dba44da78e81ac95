"""What the slow readers share: slow, and nothing else than the documented grammar."""

import gzip
import zlib
from decimal import Decimal, InvalidOperation


class RefusedError(Exception):
    """A file that must not be read."""


def need(condition, why):
    if not condition:
        raise RefusedError(why)


def unpacked(name, data):
    """What a file holds, as bytes."""
    if name.endswith(".gz"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise RefusedError(error) from error
    else:
        need(data[:2] != b"\x1f\x8b", "gzip")
    need(data, "empty")
    return data


def content(name, data):
    """The text of a file as bytes, without byte order mark and Windows' line ends, as a list of lines."""
    data = unpacked(name, data)
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if not lines[-1] and len(lines) > 1:
        lines.pop()
    return [line.removesuffix(b"\r") for line in lines]


def ordinary(text):
    """A whole number below 10 ** 18 in any ordinary form."""
    text = text.strip(" ")
    need(len(text) <= 60 and set(text) <= set("0123456789+-.eE"), "characters")
    need(len(text.lower().partition("e")[2].lstrip("+-")) <= 3, "exponent")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise RefusedError("not a number") from None
    need(abs(number) < 10**18 and number == number.to_integral_value(), "not whole, or too large")
    return int(number)


def vocabulary(values, min_count):
    """value -> id, of the values (None: missing) that occur often enough, numbered by value."""
    counts = {}
    for value in values:
        if value is not None:
            counts[value] = counts.get(value, 0) + 1
    return {value: i for i, value in enumerate(sorted(v for v, n in counts.items() if n >= min_count), start=1)}
