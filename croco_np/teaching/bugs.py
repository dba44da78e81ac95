"""Planted bugs: broken layers, and the leaves in which the checker must find the error."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..gradcheck import METHODS, check, report
from ..gradcheck.cases import Training
from ..gradcheck.report import passed
from ..tree import Tree
from .pictures.graph import leaf_graph, training_graph
from .pictures.scene import Scene


def catches(
    layer: Any, params: Tree, inputs: tuple, leaves: set[str], methods: Sequence[str] = METHODS, seed: int = 0
) -> Scene:
    """Check a broken layer, and print what the checker says of the wrong leaves -> its graph, these leaves in red.

    leaves  names of exactly the leaves whose gradient is wrong: paths of parameters, "input 0", ...; a rule of the
            protocol that is broken has a name as well: "doutput", "cache", "output"
            (a forward that cannot run on complex numbers is no bug of the backward)
    Raises AssertionError if another set of leaves is wrong: then the text around the bug is not true. A kink is neither
    right nor wrong, and raises, too.
    """
    if isinstance(leaves, str):
        raise TypeError(f"leaves is a set of names, such as {{{leaves!r}}}")
    checks = check(layer, params, inputs, np.random.default_rng(seed), name=type(layer).__name__, methods=methods)
    wrong = [c for c in checks if not passed(c)]
    found = {c.name.split(": ", 1)[1] for c in wrong if not c.unmeasured}
    print(report(wrong) if wrong else f"all {len(checks)} checks passed")
    if kinks := sorted({c.name for c in wrong if c.kink}):
        raise AssertionError(f"a direction crosses a kink, which proves nothing of {kinks}: take another seed")
    if found != set(leaves):
        raise AssertionError(f"the checker finds {sorted(found)}, the text says {sorted(leaves)}")
    if isinstance(layer, Training):
        return training_graph(layer.model, layer.objective, params, inputs[0], steps=False, wrong=found)
    return leaf_graph(layer, params, inputs, wrong=found)
