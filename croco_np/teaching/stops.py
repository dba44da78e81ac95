"""What to tell of an answer that raises: the exception, the line that raised it, and what it often means."""

import linecache
import traceback
from typing import Any

LINE = "line_of_the_answer"  # an attribute of an exception that comes from another process, where its line is known
MEANINGS = (  # (what NumPy, Python or the library say, what it often means)
    (
        "could not be broadcast together",
        "Shapes are matched from the right, and a sum or a mean over one axis drops it: keepdims=True keeps it.",
    ),
    ("matmul: Input operand", "In a matrix product the two inner sizes must be alike: which factor is turned over?"),
    (", want (", "Compare the two shapes: an axis of size 1 is an axis, too, and [:, None] puts one in."),
    ("NoneType", "Something is None here: which of the things you are given may be?"),
    ("values to unpack", "Count the names on the left and what comes from the right; a pair is wanted or handed in."),
    ("division by zero", "What is it that may be 0 here, and what should come out then?"),
    ("is not defined", "A function sees its arguments, and what the cells above have defined or imported."),
)


def stopped(error: BaseException, answer: Any) -> str:
    """The sentences for an exception: its kind and what it says, the line of `answer`, and what it often means."""
    said, line = first_line(error), _line_of(error, answer)
    if not callable(answer) and "is not callable" in said:
        return f"A function is wanted, and this is one {type(answer).__name__}: hand over a name, without calling it."
    place = f", in the line {line!r}" if line else ""
    meaning = next((told for part, told in MEANINGS if part in said), "")
    return f"It stops with {said.rstrip('. :')}{place}. {meaning}".rstrip()


def first_line(error: BaseException) -> str:
    """The kind of an exception and the first line of what it says: some libraries write pages."""
    try:
        said = str(error)
    except Exception:  # an error of the answer's own, with a text that fails
        said = "its text cannot be read"
    return f"{type(error).__name__}: {said.partition(chr(10))[0]}"


def _line_of(error, answer):
    """The last line of the answer that ran, of its own or of a function beside it; "" if its source is not at hand."""
    if LINE in vars(error):
        return vars(error)[LINE]
    code = getattr(answer, "__code__", None)
    if code is None:
        return ""
    frames = traceback.walk_tb(error.__traceback__)
    ran = [(frame, number) for frame, number in frames if frame.f_code.co_filename == code.co_filename]
    return linecache.getline(ran[-1][0].f_code.co_filename, ran[-1][1]).strip() if ran else ""
