"""Parameters and gradients are trees: dicts and lists of arrays, nested. These functions walk them.

A dict holds parts by name, a list holds parts in a row, such as the layers of an MLP. A leaf has a path, its names and
places joined by dots: `experts.0.W`. The gradient of an embedding table is a `RowGrad`, since a batch touches few of
its rows.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from .arguments import COMPLEX, REAL, integers, kind_of, plain

Tree = dict[str, Any] | list[Any]
BRANCH = (dict, list)


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


def entries(branch: Tree) -> Iterable[tuple[str | int, Any]]:
    """The pairs (key, child) of a branch; the keys of a list are the places 0, 1, ..."""
    return enumerate(branch) if isinstance(branch, list) else branch.items()


def flatten(tree: Tree, prefix: str = "") -> dict[str, Any]:
    """{path: leaf} of a tree, in its order. Raises ValueError for a key with a dot, TypeError for what is no tree."""
    if not isinstance(tree, BRANCH):
        raise TypeError(f"{prefix or 'tree'}: {kind_of(tree)}, want a dict or a list of arrays")
    flat = {}
    for key, node in entries(tree):
        path = f"{prefix}{key}"
        if "." in str(key):
            raise ValueError(f"{path}: a key with a dot would be two")
        if isinstance(node, BRANCH):
            flat.update(flatten(node, path + "."))
        else:
            flat[path] = node
    return flat


def with_leaves(tree: Tree, leaves: Mapping[str, Any], prefix: str = "") -> Tree:
    """The same tree with other leaves where `leaves`, {path: leaf}, has some; empty branches stay.

    This is the way back from paths to a tree: paths alone do not tell a list from a dict with the keys "0", "1", ...
    Raises ValueError for a path that the tree does not have.
    """
    if not prefix and (strangers := leaves.keys() - flatten(tree).keys()):
        raise ValueError(f"no such path in the tree: {', '.join(sorted(strangers)[:5])}")
    children = [
        with_leaves(node, leaves, f"{prefix}{key}.") if isinstance(node, BRANCH) else leaves.get(f"{prefix}{key}", node)
        for key, node in entries(tree)
    ]
    return _branch_like(tree, children)


def leaf_at(tree: Tree, path: str) -> Any:
    """The leaf of a tree at a path."""
    for key in path.split("."):
        tree = tree[int(key) if isinstance(tree, list) else key]
    return tree


def tree_map(f: Callable, tree: Tree, *others: Tree) -> Tree:
    """Apply `f` leaf by leaf to trees of one structure. Raises ValueError for others."""
    for other in others:
        same_tree("one tree", tree, "another", other)
    return _map(f, tree, others)


def _map(f, tree, others):
    children = [
        (_map if isinstance(node, BRANCH) else _apply)(f, node, [other[key] for other in others])
        for key, node in entries(tree)
    ]
    return _branch_like(tree, children)


def _apply(f, leaf, others):
    return f(leaf, *others)


def _branch_like(branch, children):
    """A list or a dict, as `branch` is, of other children."""
    return children if isinstance(branch, list) else dict(zip(branch, children, strict=True))


def same_tree(what: str, one: Tree, other_what: str, other: Tree) -> None:
    """Raise ValueError unless two trees have the same paths, and lists in the same places."""
    leaves, others = flatten(one), flatten(other) if isinstance(other, BRANCH) else {}
    if leaves.keys() != others.keys():
        strangers = sorted(leaves.keys() ^ others.keys())
        raise ValueError(f"{what} and {other_what} are of different trees: only one has {', '.join(strangers[:5])}")
    same_lists(what, one, other_what, other)


def same_lists(what: str, one: Tree, other_what: str, other: Tree) -> None:
    """Raise ValueError unless two trees have lists of the same lengths in the same places, whatever their leaves."""
    mine, others = lists(one), lists(other)
    for path in sorted(mine.keys() | others.keys()):
        if mine.get(path) != others.get(path):
            said = " and ".join(_length(found.get(path), name) for found, name in ((mine, what), (others, other_what)))
            raise ValueError(f"{what} and {other_what} are of different trees: {path or 'the tree itself'} is {said}")


def _length(n, what):
    return f"no list in {what}" if n is None else f"a list of {n} in {what}"


def lists(tree: Tree, prefix: str = "") -> dict[str, int]:
    """{path: length} of all lists in a tree; the path of the tree itself is ""."""
    found = {prefix: len(tree)} if isinstance(tree, list) else {}
    for key, node in entries(tree):
        if isinstance(node, BRANCH):
            found |= lists(node, f"{prefix}.{key}" if prefix else f"{key}")
    return found


def in_row(params: list, n: int, of: str = "layers") -> list:
    """The params of n parts in a row, a list of n; raises ValueError for anything else, such as a dict."""
    if not isinstance(params, list) or len(params) != n:
        found = f"a list of {len(params)}" if isinstance(params, list) else kind_of(params)
        raise ValueError(f"params of {n} {of} in a row are {found}, want a list of {n}")
    return params


def not_finite(tree: Tree) -> str | None:
    """Path of the first leaf that holds NaN or infinity, or None."""
    return next((path for path, leaf in flatten(tree).items() if not np.isfinite(leaf).all()), None)


def count(tree: Tree) -> int:
    """Number of scalars in all leaves."""
    return sum(leaf.size for leaf in flatten(tree).values())
