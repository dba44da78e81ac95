"""Pictures of the tutorials: SVG that a page can step through and a notebook shows as a still.

svg      shapes and texts of one drawing
scene    one drawing at several settings: sliders, steps, things to point at
chart    a Matplotlib figure in the same look
grids    arrays as coloured cells with their numbers
trace    which layer took and gave which arrays in one training step
steps    each call in words and numbers
boxes    the drawing of a graph: boxes with their leaves, roads, the numbers of a step
graph    a model, drawn from these; steps forward and backward; wrong leaves in red
example  a Crocodile small enough to be read
course   its graph, and the lessons that take its parts
lessonNN the pictures of one lesson
"""

from .chart import Chart, chart
from .example import crocodile_steps, you_are_here
from .graph import leaf_graph, training_graph
from .grids import grid, grid_size
from .scene import Control, Scene
from .svg import Drawing

__all__ = [
    "Chart",
    "Control",
    "Drawing",
    "Scene",
    "chart",
    "crocodile_steps",
    "grid",
    "grid_size",
    "leaf_graph",
    "training_graph",
    "you_are_here",
]
