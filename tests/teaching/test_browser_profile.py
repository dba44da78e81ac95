"""What the pages offer runs with what a browser has: NumPy, and no other library, thread or process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .answers import every
from .in_a_browser import ABSENT, LESSONS

ROOT = Path(__file__).parents[2]
NUMBERS = sorted(every())
WHOLE = ("01", "03", "05", "08", "10")  # lessons of which every cell runs in a browser


def python(*args, folder=ROOT):
    """What a fresh Python prints; its message if it fails."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
    done = subprocess.run([sys.executable, *args], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def said():
    return json.loads(python("-m", "tests.teaching.in_a_browser"))


def test_every_exercise_is_in_a_lesson(said):
    assert sorted(said) == NUMBERS


@pytest.mark.parametrize("number", NUMBERS)
def test_an_exercise_cell_runs_alone_and_is_graded(said, number):
    assert said[number]["open"].startswith(f"Exercise {number} is open: ")
    assert said[number]["right"].startswith(f"Exercise {number}: right.")
    assert said[number]["wrong"].startswith(f"Exercise {number}: not yet. ")
    assert len(said[number]["wrong"]) > 40
    assert len(said[number]["worked"]) > 100


@pytest.mark.parametrize("lesson", WHOLE)
def test_every_cell_of_the_lesson_runs(lesson):
    (path,) = LESSONS.glob(f"{lesson}_*.ipynb")
    assert int(python("-m", "tests.teaching.in_a_browser", path.name, folder=LESSONS)) > 10


@pytest.mark.parametrize(
    "line",
    [
        *(f"import {name}" for name in sorted(ABSENT)),
        "import threading; threading.Thread(target=print).start()",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.fork()",
        "from concurrent.futures import ThreadPoolExecutor as P; P(1).submit(print)",
        "import multiprocessing as m; m.Process(target=print).start()",
    ],
)
def test_what_a_browser_has_not_is_away(line):
    code = f"""
from tests.teaching.in_a_browser import ABSENT, close
close(ABSENT)
try:
    {line}
except (ModuleNotFoundError, RuntimeError):
    print("away")
"""
    assert python("-c", code) == "away\n"
