"""What the golden files hold, and the package's numbers beside it: for `tests/test_golden.py`, and on a GPU."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from croco_np.batch import make_batch
from croco_np.datasets.splits import Rows, Schema
from croco_np.models import MODELS
from croco_np.objective import Objective
from croco_np.optim import Adam
from croco_np.tree import RowGrad, flatten, tree_map, with_leaves

FOLDER = Path(__file__).parent
TOLERANCE = 1e-10  # of the largest entry of an array


def load(path):
    """What a golden file says about itself, and its arrays by group: {"params": {"experts.0.W": ...}, ...}."""
    groups = {}
    with np.load(FOLDER / path) as file:
        about = json.loads(str(file["about"]))
        for key in file.files:
            if key != "about":
                group, name = key.split("/", 1)
                groups.setdefault(group, {})[name] = file[key]
    return about, SimpleNamespace(**groups)


def part(arrays, prefix):
    """The arrays below a prefix, without it."""
    return {name.removeprefix(prefix): x for name, x in arrays.items() if name.startswith(prefix)}


class Golden:
    """A golden file of a system: the model, its parameters, and its batches, sorted by domain as the package wants.

    bring  where the arrays shall lie: given an array of the host, returns one there
    at     the place in the file of each row of the first batch

    `outputs`, `objectives` and `steps` yield pairs of dicts of arrays: the package's and the file's.
    """

    def __init__(self, file, bring=lambda a: a):
        self.about, self.arrays = load(f"systems/{file}.npz")
        schema, system, sizes = Schema(**self.about["schema"]), MODELS[self.about["system"]], self.about["sizes"]
        self.model = system.build(schema, **{name: sizes[name] for name in sizes if name in system.keywords()})
        drawn = self.model.init(np.random.default_rng(0))
        shapes = {path: w.shape for path, w in flatten(drawn).items()}
        assert shapes == {path: w.shape for path, w in self.arrays.params.items()}
        self.params = tree_map(lambda w: bring(w.copy()), with_leaves(drawn, self.arrays.params))
        self.batches, places = [], []
        for i in range(len({name.split("/")[0] for name in self.arrays.batches})):
            b = part(self.arrays.batches, f"{i}/")
            rows = Rows(b["ids"], b["labels"], b["domains"], users=b["ids"][:, 0])
            batch, at = make_batch(rows, np.arange(rows.n), schema)
            there = {name: bring(getattr(batch, name)) for name in ("ids", "prior_ids", "labels")}
            self.batches.append(batch._replace(**there))
            places.append(at)
        self.at = places[0]

    def outputs(self):
        out, _ = self.model.forward(self.params, self.batches[0])
        taps = {name: x for name, x in out._asdict().items() if x is not None}
        yield taps, {name: x[self.at] if x.ndim else x for name, x in self.arrays.taps.items()}

    def objectives(self):
        """Values and gradients under each objective of the file."""
        rows = np.flatnonzero(np.isin(self.at, self.about["cov_rows"]))
        drawing = SimpleNamespace(choice=lambda n, size, replace: rows)  # in place of a random generator
        assert self.about["objectives"]
        for label, arguments in self.about["objectives"].items():
            out, cache = self.model.forward(self.params, self.batches[0])
            arguments = {"rows" if key == "cov_rows" else key: value for key, value in arguments.items()}
            parts, d, _ = Objective(**arguments)(out, self.batches[0], drawing)
            yield parts, part(self.arrays.values, f"{label}/")
            grads = flatten(self.model.backward(cache, d))
            for path, g in grads.items():
                if isinstance(g, RowGrad):
                    grads[path] = g.dense(self.arrays.params[path].shape)
            yield grads, part(self.arrays.gradients, f"{label}/")

    def steps(self, optimiser):
        """The parameters after the file's steps; `optimiser` is "adam" or "lazy_adam"."""
        params = tree_map(lambda w: w.copy(), self.params)
        adam = Adam(**self.about["adam"], lazy=optimiser == "lazy_adam")
        state, objective = adam.init(params), Objective(**self.about["objectives"]["domain mean"])
        for t in range(self.about["steps"]):
            batch = self.batches[t % len(self.batches)]
            out, cache = self.model.forward(params, batch)
            _, d, _ = objective(out, batch, None)
            grads, tracked = self.model.backward(cache, d), self.model.tracked(cache)
            adam.step(params, grads, state, tracked=tracked)
        ours, theirs = flatten(params), getattr(self.arrays, optimiser)
        assert theirs
        yield {path: ours[path] for path in theirs}, theirs
