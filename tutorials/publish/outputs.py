"""Do two runs of a notebook say the same?

Words have to be equal. Numbers may differ by one in the last digit printed, and rounding errors (below 1e-8) count as
equal: another BLAS or processor adds up in another order. A picture of pixels has to be there in both, of the same
size; HTML and SVG are compared part by part (`markup`).
"""

import base64
import re
import struct

from . import markup

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*\.?\d*(?:[eE][-+]?\d+)?(?![\w])")
MARKUP = ("text/html", "image/svg+xml")
ROUNDING = 1e-8  # below this, a number is the rounding error of another


def differences(one, other):
    """What two notebooks say differently, a line for each cell; cells tagged `varies` may."""
    if len(one["cells"]) != len(other["cells"]):
        return [f"{len(one['cells'])} cells and {len(other['cells'])} cells"]
    lines = []
    for i, (a, b) in enumerate(zip(one["cells"], other["cells"], strict=True)):
        if "varies" not in a["metadata"].get("tags", ()):
            lines += [f"cell {i}: {line}" for line in _cell(a.get("outputs", []), b.get("outputs", []))]
    return lines


def _cell(one, other):
    kinds = [
        [(o["output_type"], o.get("name"), *sorted(o.get("data", ()))) for o in outputs] for outputs in (one, other)
    ]
    if kinds[0] != kinds[1]:
        return [f"outputs {kinds[0]} and {kinds[1]}"]
    lines = []
    for a, b in zip(one, other, strict=True):
        texts = [
            (a.get("text"), b.get("text")),
            *((a["data"][k], b["data"][k]) for k in a.get("data", {}) if "text" in k and k not in MARKUP),
        ]
        lines += [first_difference(s, t) for s, t in texts if not same_text(s, t)]
        pages = [(a["data"][k], b["data"][k]) for k in MARKUP if k in a.get("data", {})]
        lines += filter(None, (markup.first_difference(s, t, same_text) for s, t in pages))
        if "image/png" in a.get("data", {}):
            sizes = size(a["data"]["image/png"]), size(b["data"]["image/png"])
            lines += [f"pictures of {sizes[0]} and {sizes[1]} pixels"] if sizes[0] != sizes[1] else []
    return lines


def same_text(one, other):
    """Whether two texts agree but for blanks, colours and the last digit of numbers."""
    one, other = (" ".join(ANSI.sub("", text or "").split()) for text in (one, other))
    if one == other:
        return True
    words = NUMBER.split(one), NUMBER.split(other)
    if [w.replace(" ", "") for w in words[0]] != [w.replace(" ", "") for w in words[1]]:
        return False
    return all(same_number(a, b) for a, b in zip(NUMBER.findall(one), NUMBER.findall(other), strict=True))


def same_number(one, other):
    """Whether two printed numbers differ by no more than one in the coarser last digit; whole numbers are equal."""
    if one == other:
        return True
    a, b = (float(text.replace(",", "")) for text in (one, other))
    if max(abs(a), abs(b)) < ROUNDING:
        return True
    return abs(a - b) <= 1.000001 * max(_last_digit(one), _last_digit(other))


def _last_digit(text):
    """The worth of the last digit of a printed number; 0 for a whole number."""
    digits, _, exponent = text.replace(",", "").lower().partition("e")
    _, point, decimals = digits.partition(".")
    return 10.0 ** (int(exponent or 0) - len(decimals)) if point or exponent else 0.0


def first_difference(one, other):
    """The first pair of lines that differ."""
    one, other = (one or "").splitlines(), (other or "").splitlines()
    longest = max(len(one), len(other))
    pairs = zip(one + [""] * (longest - len(one)), other + [""] * (longest - len(other)), strict=True)
    a, b = next((pair for pair in pairs if not same_text(*pair)), ("", ""))
    return f"{a.strip()!r} and {b.strip()!r}"


def size(png):
    """Width and height of a PNG in base64."""
    return struct.unpack(">II", base64.b64decode(png)[16:24])
