"""Checks of tutorial 10: which line of a backward pass is wrong?"""

from typing import Any, NamedTuple

from ..compare import is_number
from ..grading import exercise
from ..said import form, in_words


class Pass(NamedTuple):
    """A broken backward pass.

    right     the number of the wrong line
    innocent  {number of another line: why the report clears it}; the lines are 1 to the largest number
    thought   what to think about
    """

    right: int
    innocent: dict[int, str]
    thought: str


SIGNATURE = "Line 1 is the signature, which computes nothing"
UNPACKED = "Line 2 takes from the cache what the forward put there, in the same order, and computes nothing"

PASSES = {
    "10.1": Pass(
        4,
        {
            1: SIGNATURE,
            2: UNPACKED,
            3: "Line 3 makes dx, and the report calls no input wrong",
            5: "Line 5 hands over what it gets: da has its wrong shape before",
        },
        "a is one number that multiplies every entry of x: over how many axes does its gradient sum?",
    ),
    "10.2": Pass(
        3,
        {
            1: SIGNATURE,
            2: UNPACKED,
            4: "Line 4 makes dW from x and du as for any dense layer, and b and the input are wrong without it",
            5: "Line 5 makes db from du as for any dense layer, and W and the input are wrong without it",
            6: "Line 6 makes dx from du as for any dense layer, and W and b are wrong without it",
        },
        "All leaves are wrong: which line do they all depend on? The derivative is written in terms of y.",
    ),
    "10.3": Pass(
        5,
        {
            1: SIGNATURE,
            2: UNPACKED,
            3: "Line 3 makes du, which leads to W and b as well, and these are right",
            4: "Line 4 makes the gradients of W and b, and the report calls neither wrong",
            6: "Line 6 hands over what it gets: dx is incomplete before (a repair would be possible here, too)",
        },
        "W and b are right, so all that leads to them is. What else does x reach, and where does dx leave it out?",
    ),
    "10.4": Pass(
        3,
        {
            1: SIGNATURE,
            2: UNPACKED,
            4: "Line 4 is the derivative of total^2, and what it gets is already wrong",
            5: "Line 5 has a part for each of the two terms, and both are too large by one factor: it comes from above",
            6: "Line 6 hands over what it gets",
        },
        "Go through the forward backwards, from its last step on: does each step have its line?",
    ),
    "10.5": Pass(
        7,
        {
            1: SIGNATURE,
            2: UNPACKED,
            3: "Line 3 makes dgamma, and the report calls it right",
            4: "Line 4 is the derivative of gamma * xhat",
            5: "Line 5 is the mean of dxhat over a row, as in the formula",
            6: "Line 6 is the mean of dxhat * xhat over a row, as in the formula",
            8: "Line 8 hands over what it gets",
        },
        "gamma is right, and both means are as in the formula. Where are they used, and times what?",
    ),
    "10.6": Pass(
        5,
        {
            1: SIGNATURE,
            2: UNPACKED,
            3: "Line 3 makes the gradient of both inputs side by side as for any product",
            4: "Line 4 makes dW, and the report calls W right",
            6: "Line 6 returns dx first, as it should; what it calls dx got that name before",
        },
        "W is right. Where does the name dx first hold something that is not dx?",
    ),
    "10.7": Pass(
        4,
        {
            1: SIGNATURE,
            2: "Line 2 is the mean of dg under the shares, as in the formula",
            3: "Line 3 is the softmax's backward as in the formula, and it ends at z",
            5: "Line 5 hands over what it gets",
        },
        "The softmax itself is right. What lies between a and z?",
    ),
}


def _register(number: str, broken: Pass) -> None:
    last = max(broken.right, *broken.innocent)

    @exercise(number, "the number of the wrong line")
    def line(answer: Any) -> str | None:
        if isinstance(answer, str) and answer.strip().isdigit():
            return "Answer with a number, such as 2, not with text: leave the quotes away."
        if not is_number(answer):
            return f"Answer with the number of a line, such as 2; this is {form(answer)}."
        if answer not in range(1, last + 1):
            return f"There is no line {in_words(answer)}: backward has lines 1 to {last}."
        return None if answer == broken.right else f"{broken.innocent[int(answer)]}. {broken.thought}"


for number, broken in PASSES.items():
    _register(number, broken)
