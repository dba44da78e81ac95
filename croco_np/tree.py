"""Parameters and gradients are nested dicts of arrays; these functions walk them.

A leaf has a path, its keys joined by dots: `experts.0.W`. The gradient of an embedding table is a `RowGrad`, since a
batch touches few of its rows.
"""

from typing import NamedTuple

import numpy as np

from .arguments import COMPLEX, REAL, integers, kind_of, plain


class RowGrad(NamedTuple):
    """Gradient of a table of which only some rows were used.

    rows    (R,)      int64, unique, ascending
    values  (R, ...)  gradient of those rows; all other rows have gradient 0
    """

    rows: np.ndarray
    values: np.ndarray

    def check(self, shape, name="RowGrad"):
        """Raise TypeError, ValueError or IndexError unless it is a gradient of a table of this shape."""
        rows, values = integers(f"{name}: rows", self.rows), plain(f"{name}: values", self.values)
        if values.dtype not in REAL + COMPLEX:
            raise TypeError(f"{name}: values are {kind_of(values)}, want an array of real numbers")
        if not shape:
            raise ValueError(f"{name}: a table without an axis has no rows")
        if rows.ndim != 1 or values.shape != (len(rows), *shape[1:]):
            raise ValueError(f"{name}: rows {rows.shape} and values {values.shape} of a table {tuple(shape)}")
        if len(rows) and not (rows[1:] > rows[:-1]).all():
            raise ValueError(f"{name}: rows must be unique and ascending")
        if len(rows) and (rows[0] < 0 or rows[-1] >= shape[0]):
            raise IndexError(f"{name}: rows from {rows[0]} to {rows[-1]}, the table has 0 to {shape[0] - 1}")

    def dense(self, shape):
        """The same gradient as a full array."""
        self.check(shape)
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
    """Nested dict -> {path: leaf}, in the order of the dict. Raises ValueError for a key with a dot."""
    flat = {}
    for key, node in tree.items():
        path = f"{prefix}{key}"
        if "." in str(key):
            raise ValueError(f"{path}: a key with a dot would be two")
        if isinstance(node, dict):
            flat.update(flatten(node, path + "."))
        else:
            flat[path] = node
    return flat


def unflatten(flat):
    """{path: leaf} -> nested dict, the inverse of `flatten` but for empty branches, which have no leaf.

    Raises ValueError for a path that goes on from a leaf.
    """
    tree = {}
    for path, leaf in flat.items():
        *parents, last = path.split(".")
        node = tree
        for key in parents:
            node = node.setdefault(key, {})
            if not isinstance(node, dict):
                raise ValueError(f"{path}: {key!r} is a leaf already")
        if last in node:
            raise ValueError(f"{path}: is a branch already")
        node[last] = leaf
    return tree


def with_leaves(tree, leaves, prefix=""):
    """The same tree with other leaves where `leaves`, {path: leaf}, has some; empty branches stay.

    Raises ValueError for a path that the tree does not have.
    """
    if not prefix and (strangers := leaves.keys() - flatten(tree).keys()):
        raise ValueError(f"no such path in the tree: {', '.join(sorted(strangers)[:5])}")
    return {
        key: with_leaves(node, leaves, f"{prefix}{key}.") if isinstance(node, dict) else leaves.get(prefix + key, node)
        for key, node in tree.items()
    }


def tree_map(f, tree, *others):
    """Apply `f` leaf by leaf to trees of one structure. Raises ValueError for others."""
    for other in others:
        same_paths("one tree", tree, "another", other)
    return {
        key: tree_map(f, node, *(o[key] for o in others))
        if isinstance(node, dict)
        else f(node, *(o[key] for o in others))
        for key, node in tree.items()
    }


def same_paths(what, one, other_what, other):
    """Raise ValueError unless two dicts have the same keys."""
    if not isinstance(other, dict) or one.keys() != other.keys():
        strangers = sorted(map(str, one.keys() ^ (other.keys() if isinstance(other, dict) else set())))
        raise ValueError(f"{what} and {other_what} are of different trees: only one has {', '.join(strangers[:5])}")


def not_finite(tree):
    """Path of the first leaf that holds NaN or infinity, or None."""
    return next((path for path, leaf in flatten(tree).items() if not np.isfinite(leaf).all()), None)


def count(tree):
    """Number of scalars in all leaves."""
    return sum(leaf.size for leaf in flatten(tree).values())
