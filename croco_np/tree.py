"""Parameters and gradients are nested dicts of arrays; these functions walk them.

A leaf has a path, its keys joined by dots: `experts.0.W`. The gradient of an embedding table is a `RowGrad`, since a
batch touches few of its rows.
"""

from typing import NamedTuple

import numpy as np


class RowGrad(NamedTuple):
    """Gradient of a table of which only some rows were used.

    rows    (R,)      int64, unique, ascending
    values  (R, ...)  gradient of those rows; all other rows have gradient 0
    """

    rows: np.ndarray
    values: np.ndarray

    def dense(self, shape):
        """The same gradient as a full array."""
        full = np.zeros(shape, self.values.dtype)
        full[self.rows] = self.values
        return full


class Moving(NamedTuple):
    """What stands in the place of a gradient for a value that is tracked, not trained, such as a running mean.

    The optimiser moves the value by `rate` of its distance towards `target`.
    """

    target: np.ndarray
    rate: float


def flatten(tree, prefix=""):
    """Nested dict -> {path: leaf}, in the order of the dict."""
    flat = {}
    for key, node in tree.items():
        path = f"{prefix}{key}"
        if isinstance(node, dict):
            flat.update(flatten(node, path + "."))
        else:
            flat[path] = node
    return flat


def unflatten(flat):
    """{path: leaf} -> nested dict, the inverse of `flatten` but for empty branches, which have no leaf."""
    tree = {}
    for path, leaf in flat.items():
        *parents, last = path.split(".")
        node = tree
        for key in parents:
            node = node.setdefault(key, {})
        node[last] = leaf
    return tree


def with_leaves(tree, leaves, prefix=""):
    """The same tree with other leaves where `leaves`, {path: leaf}, has some; empty branches stay."""
    return {
        key: with_leaves(node, leaves, f"{prefix}{key}.") if isinstance(node, dict) else leaves.get(prefix + key, node)
        for key, node in tree.items()
    }


def tree_map(f, tree, *others):
    """Apply `f` leaf by leaf to trees of one structure."""
    return {
        key: tree_map(f, node, *(o[key] for o in others))
        if isinstance(node, dict)
        else f(node, *(o[key] for o in others))
        for key, node in tree.items()
    }


def count(tree):
    """Number of scalars in all leaves."""
    return sum(leaf.size for leaf in flatten(tree).values())
