"""Planted bugs: the checker must find them, and find them there."""

import numpy as np

from ..gradcheck import METHODS, check, report


def catches(layer, params, inputs, leaves, methods=METHODS, seed=0):
    """Check a broken layer, and print what the checker says of the wrong leaves.

    leaves  names of exactly the leaves whose gradient is wrong: paths of parameters, "input 0", ...
    Raises AssertionError if another set of leaves is wrong: then the text around the bug is not true.
    """
    checks = check(layer, params, inputs, np.random.default_rng(seed), name=type(layer).__name__, methods=methods)
    wrong = [c for c in checks if not c.ok]
    found = {c.name.split(": ", 1)[1] for c in wrong}
    print(report(wrong) if wrong else f"all {len(checks)} checks passed")
    assert found == set(leaves), f"the checker finds {sorted(found)}, the text says {sorted(leaves)}"
