"""What the tutorials use: the library's own lines on the page, planted bugs that must be caught, graded exercises.

show(Linear.backward)                                 the source, never a second copy
catches(Broken(5, 3), params, inputs, leaves={"W"})   the gradient checker finds the bug, and finds it there
grade("1.1", my_backward)                             right, or a hint
"""

from .bugs import catches
from .grading import EXERCISES, Exercise, exercise, grade
from .source import show

__all__ = ["EXERCISES", "Exercise", "catches", "exercise", "grade", "show"]
