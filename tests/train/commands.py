"""Run `python -m croco_np.train` as a user would, on a data set small enough for a test."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "datasets"))
import kuairand_files

SMALL = ["--lr", 0.02, "--embedding-width", 4, "--prior-width", 4, "--batch-size", 64]
SMALL += ["--n-experts", 3, "--expert-sizes", 8, "--tower-sizes", 4]


# For runs whose pictures nobody looks at: half of the time of a small run is Matplotlib's.
_nothing_draws = tempfile.TemporaryDirectory()
(Path(_nothing_draws.name) / "matplotlib.py").write_text("raise ImportError('no pictures are wanted here')\n")
NO_PICTURES = {"PYTHONPATH": _nothing_draws.name}
IN_NUMPY = NO_PICTURES | {"CROCO_NP_KERNELS": "numpy"}


def make_data(folder, rows=2000, seed=0):
    """Clicks that depend on the user, the video and the tab: something to learn, in KuaiRand's format."""
    rng = np.random.default_rng(seed)
    user, video, tab = rng.integers(0, 12, rows), rng.integers(0, 9, rows), rng.choice([0, 1, 2, 4, 6], rows)
    click = rng.random(rows) < 1 / (1 + np.exp(-((user % 3 - 1) + (video % 2 * 2 - 1) * (1 - 2 * (tab == 0)))))
    day = rng.choice([1, 2, 3, 4, 5], rows, p=[0.6, 0.1, 0.1, 0.1, 0.1])
    lines = [
        kuairand_files.log_line(u, v, 20220500 + d, i, int(c), tab=t)
        for i, (u, v, d, c, t) in enumerate(zip(user, video, day, click, tab, strict=True))
    ]
    kuairand_files.write(folder, lines, users=range(12), videos=range(9))
    return folder


def command(*flags):
    return [sys.executable, "-m", "croco_np.train", *map(str, flags)]


def train(*flags, cwd, **environment):
    """The finished command: returncode, stdout, stderr."""
    return subprocess.run(
        command(*flags), cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
    )
