"""What the tutorials use: the library's own lines on the page, planted bugs that must be caught, graded exercises.

show(Linear.backward)                                 the source, never a second copy
catches(Broken(5, 3), params, inputs, leaves={"W"})   the gradient checker finds the bug, and finds it there
grade("1.1", my_backward)                             right, or a hint
solution("1.1", my_backward)                          the derivation and the lines, and where mine depart from them
"""

from .bugs import catches
from .grading import EXERCISES, Exercise, exercise, grade
from .source import show
from .worked import Worked, solution

__all__ = ["EXERCISES", "Exercise", "Worked", "catches", "exercise", "grade", "show", "solution"]
