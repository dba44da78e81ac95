"""Planted bugs: broken layers, and the leaves in which the checker must find the error."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from ..gradcheck import METHODS, Check, check, report
from ..gradcheck.cases import Training
from ..gradcheck.report import passed
from ..tree import Tree
from .pictures.graph import leaf_graph, training_graph
from .pictures.scene import Scene

MANY = 4  # wrong leaves: of more, a line a branch is printed, and the graph shows which they are


def catches(
    layer: Any,
    params: Tree,
    inputs: tuple,
    leaves: Collection[str],
    methods: Sequence[str] = METHODS,
    seed: int = 0,
    full: bool = False,
) -> Scene:
    """Check a broken layer, and print what the checker says of the wrong leaves -> its graph, these leaves in red.

    leaves  names of exactly the leaves whose gradient is wrong: paths of parameters, "input 0", ...; the name of a
            branch, such as "experts" or "towers.0", stands for all leaves of it; a rule of the protocol that is broken
            has a name as well: "doutput", "cache", "output"
            (a forward that cannot run on complex numbers is no bug of the backward)
    full    print every check of a wrong leaf, where a line a branch would be printed because they are many
    Raises AssertionError if another set of leaves is wrong: then the text around the bug is not true. A kink is neither
    right nor wrong, and raises, too.
    """
    if isinstance(leaves, str):
        raise TypeError(f"leaves is a set of names, such as {{{leaves!r}}}")
    checks = check(layer, params, inputs, np.random.default_rng(seed), name=type(layer).__name__, methods=methods)
    wrong = [c for c in checks if not passed(c)]
    found = {_leaf(c) for c in wrong if not c.unmeasured}
    if not wrong:
        print(f"all {len(checks)} checks passed")
    else:
        print(report(wrong) if full or len(found) <= MANY else _by_branch(checks))
    if kinks := sorted({c.name for c in wrong if c.kink}):
        raise AssertionError(f"a direction crosses a kink, which proves nothing of {kinks}: take another seed")
    if found != _named(leaves, {_leaf(c) for c in checks}):
        raise AssertionError(f"the checker finds {sorted(found)}, the text says {sorted(leaves)}")
    if isinstance(layer, Training):
        return training_graph(layer.model, layer.objective, params, inputs[0], steps=False, wrong=found)
    return leaf_graph(layer, params, inputs, wrong=found)


def stands_for(name: str, leaf: str) -> bool:
    """Whether a name means this leaf: its own, or that of a branch above it."""
    return leaf == name or leaf.startswith(f"{name}.")


def _named(names, leaves):
    """The leaves that names mean; a name that means none stays, and is then found to be too much."""
    meant = {name: {leaf for leaf in leaves if stands_for(name, leaf)} or {name} for name in names}
    return set().union(*meant.values())


def _leaf(c: Check):
    return c.name.split(": ", 1)[1]


def _by_branch(checks):
    """A table with a line for each branch of the tree of parameters: how many leaves are wrong, and in which way."""
    branches: dict[str, dict[str, list[Check]]] = {}
    for c in checks:
        name, _, below = c.name.partition(".")
        copy = below.partition(".")[0]
        branches.setdefault(f"{name}.{copy}" if copy.isdigit() else name, {}).setdefault(c.name, []).append(c)
    width = max(map(len, branches))
    lines = [f"{'branch':<{width}}  {'wrong':>6}  the checker's hints"]
    for branch, leaves in branches.items():
        hints = Counter(_short(c.hint) for cs in leaves.values() for c in cs if not passed(c))
        bad = sum(any(not passed(c) for c in cs) for cs in leaves.values())
        lines.append(f"{branch:<{width}}  {bad} of {len(leaves)}  {'; '.join(h for h, _ in hints.most_common(2))}")
    return "\n".join([*(line.rstrip() for line in lines), "(check by check: full=True)"])


def _short(hint):
    """What a hint finds, without what it may come from and where."""
    return hint.partition(":")[0].partition(", wrong at")[0]
