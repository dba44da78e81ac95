"""Wrong answers to tutorial 10, Teach it."""


def every_line_but(right, last):
    """All lines of a `backward` but the right one, and what is no line of it."""
    lines = {f"line {n}": n for n in range(1, last + 1) if n != right}
    return lines | {"no such line": 12, "line 0": 0, "a text": str(right), "the line itself": "da = ...", "True": True}


WRONG = {
    "10.1": every_line_but(4, 5),
    "10.2": every_line_but(3, 6),
    "10.3": every_line_but(5, 6),
    "10.4": every_line_but(3, 6),
    "10.5": every_line_but(7, 8),
    "10.6": every_line_but(5, 6),
    "10.7": every_line_but(4, 5),
}
