"""A Python as a page of the site has it: NumPy and no other library, no threads, no processes; exercises run in it.

python -m tests.teaching.in_a_browser            every exercise: open, right, wrong -> JSON
python -m tests.teaching.in_a_browser FILE.ipynb    all code cells of a notebook, with Matplotlib
"""

import contextlib
import importlib.abc
import io
import json
import multiprocessing.process
import os
import subprocess
import sys
import threading
from pathlib import Path

ABSENT = {"numba", "pandas", "scipy", "safetensors", "matplotlib", "threadpoolctl", "tqdm", "jinja2"}
LESSONS = Path(__file__).parents[2] / "tutorials"


class Absent(importlib.abc.MetaPathFinder):
    """Finds libraries missing that are installed."""

    def __init__(self, names):
        self.names = names

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _refuse(*args, **kwargs):
    raise RuntimeError("can't start new thread")  # as Pyodide says


def close(absent):
    """Take away what a browser has not, in this process and for good."""
    sys.meta_path.insert(0, Absent(absent))
    multiprocessing.process.BaseProcess.start = _refuse
    threading.Thread.start = subprocess.Popen.__init__ = _refuse
    os.fork = os.posix_spawn = os.system = _refuse


def code_cells(path):
    """The sources of a notebook's code cells."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def said_by(function, *args):
    """What a call prints."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        function(*args)
    return " ".join(said.getvalue().split())


def tried(number, cells, answer):
    """What is said of an exercise cell as it stands, alone behind its preamble; of a right and a wrong answer."""
    from croco_np.teaching import solution
    from croco_np.teaching.cells import run
    from croco_np.teaching.slices import needed

    preamble, cell = needed(cells, number)
    names = {"__name__": "__main__"}
    run(preamble, names)
    said = {"open": said_by(run, cell, names), "right": said_by(names["grade"], number, answer.right)}
    wrong = next(iter(answer.wrong.values()))
    return said | {"wrong": said_by(names["grade"], number, wrong), "worked": repr(solution(number, wrong))}


def exercises():
    """{number: what is said} of every exercise of the lessons."""
    from croco_np.teaching.slices import graded
    from tests.teaching.answers import every

    answers = every()
    lessons = [code_cells(path) for path in sorted(LESSONS.glob("[0-9][0-9]_*.ipynb"))]
    numbers = {number: cells for cells in lessons for cell in cells for number in graded(cell) if number in answers}
    return {number: tried(number, cells, answers[number]) for number, cells in numbers.items()}


def whole(path):
    """Run all code cells of a notebook -> how many."""
    from croco_np.teaching.cells import run

    names = {"__name__": "__main__"}
    cells = code_cells(path)
    for cell in cells:
        said_by(run, cell, names)
    return len(cells)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        close(ABSENT - {"matplotlib"})  # the runtime of the browser has it, the page does not load it
        print(whole(Path(sys.argv[1])))
    else:
        close(ABSENT)
        print(json.dumps(exercises()))
