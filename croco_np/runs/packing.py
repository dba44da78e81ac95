"""The state of training as one dict of arrays and one of plain facts, as a checkpoint holds them, and back."""

from pathlib import Path

import numpy as np

from ..backend import host
from ..errors import InputError
from ..storage.checkpoint import Checkpoint
from ..tree import SomeTree, flatten, with_leaves
from .state import State

TREES = ("params", "m", "v")
LAST = "last"  # steps up to which the rows of a table are up to date; idle rows are saved as they are


def pack(state: State) -> tuple[dict[str, np.ndarray], dict]:
    """`State` -> arrays {name: array}, facts. The best weights are not among them: they have a file of their own.

    The arrays are of the host, wherever those of the state lie: a checkpoint does not know of devices.
    """
    trees = {"params": state.params, "m": state.moments["m"], "v": state.moments["v"]}
    arrays = {f"{kind}.{path}": a for kind, tree in trees.items() for path, a in flatten(tree).items()}
    arrays |= {f"{LAST}.{path}": a for path, a in state.moments["last"].items()}
    arrays = {name: host(a) for name, a in arrays.items()}
    return arrays, {"state": state.facts, "t": state.moments["t"], "rng": state.rng.bit_generator.state}


def unpack(state: State, saved: Checkpoint, path: Path) -> None:
    """Replace the state at the start of training, `state`, by that of a `Checkpoint`.

    Raises InputError, which names the file `path`, unless there is an array for each parameter and its moments, of its
    shape and dtype, and no other.
    """
    arrays, facts, _ = saved
    params = flatten(state.params)
    _check_facts(facts, state, path)
    for name, a in arrays.items():
        kind, _, leaf = name.partition(".")
        if leaf not in params or not _fits(kind, a, params[leaf], facts["t"]):
            raise InputError(f"{path}: {name} does not fit the model of the run; restore the file from a copy")
    for name in (f"{kind}.{leaf}" for kind in TREES for leaf in params):
        if name not in arrays:
            raise InputError(f"{path}: {name} is missing; restore the file from a copy")

    def part(kind):
        return {k.removeprefix(kind + "."): a for k, a in arrays.items() if k.startswith(kind + ".")}

    m, v = (in_place_of(state.params, part(kind)) for kind in "mv")
    last = {leaf: np.asarray(a, like=params[leaf]) for leaf, a in part(LAST).items()}
    state.params = in_place_of(state.params, part("params"))
    state.moments = {"t": facts["t"], "m": m, "v": v, "last": last}
    state.facts = facts["state"]


def in_place_of(tree: SomeTree, saved: dict[str, np.ndarray]) -> SomeTree:
    """The same tree with saved arrays {path: array of the host} for leaves, each brought to where the old one lies."""
    leaves = flatten(tree)
    return with_leaves(tree, {path: np.asarray(a, like=leaves[path]) for path, a in saved.items()})


def _check_facts(facts, start, path):
    """Raise InputError unless the plain facts have the form of those at the start of training, and make sense."""
    try:
        kept, t = facts["state"], facts["t"]
        odd = sorted(start.facts.keys() ^ kept.keys())
        odd += [name for name, value in start.facts.items() if name in kept and not _is_like(kept[name], value)]
        if not (type(t) is int and t >= 0 and kept["step"] >= 0 and kept["epoch"] >= 1 and kept["position"] >= 0):
            odd.append("step")
        start.rng.bit_generator.state = facts["rng"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: not a checkpoint of training ({error!s:.120})") from error
    if odd:
        raise InputError(f"{path}: {odd[0]} is not that of a checkpoint; restore the file from a copy")


def _is_like(value, start):
    """Whether a fact is of the kind it has at the start, where None stands for what is not known yet."""
    if start is None:
        return value is None or isinstance(value, (int, float, str))
    return isinstance(value, (int, float) if isinstance(start, float) else type(start))


def _fits(kind, a, w, t):
    """Whether an array can be of that kind for a parameter w, after t steps."""
    if kind == LAST:
        return a.shape == w.shape[:1] and a.dtype == "int32" and ((a >= 0) & (a <= t)).all()
    return kind in TREES and a.shape == w.shape and a.dtype == w.dtype
