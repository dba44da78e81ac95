"""Lesson 10: which line of a backward pass is wrong?"""

from ..grading import exercise

LINES = {  # number -> (the wrong line, lines in all, what to think about)
    "10.1": (
        4,
        5,
        "a is one number that multiplies every entry of x: over how many axes does its gradient sum?",
    ),
    "10.2": (3, 6, "All leaves are wrong: which line do they all depend on? The derivative is written in terms of y."),
    "10.3": (
        5,
        6,
        "W and b are right, so all that leads to them is. What else does x reach, and where does dx leave it out?",
    ),
    "10.4": (
        3,
        6,
        "Go through the forward backwards, from its last step on: does each step have its line?",
    ),
    "10.5": (7, 8, "gamma is right, and both means are as in the formula. Where are they used, and times what?"),
    "10.6": (5, 6, "W is right. Where does the name dx first hold something that is not dx?"),
    "10.7": (4, 5, "The softmax itself is right. What lies between a and z?"),
}


def _register(number, right, last, thought):
    @exercise(number, "the number of the wrong line")
    def line(answer):
        if isinstance(answer, bool) or not isinstance(answer, int):
            return "Answer with the number of a line, such as 3."
        if not 1 <= answer <= last:
            return f"There is no line {answer}: backward has lines 1 to {last}."
        return None if answer == right else f"Line {answer} is not where it first goes wrong. {thought}"


for number, facts in LINES.items():
    _register(number, *facts)
