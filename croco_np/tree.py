"""Parameters and gradients are trees: dicts and lists of arrays, nested. These functions walk them.

A dict holds parts by name, a list holds parts in a row, such as the layers of an MLP. A leaf has a path, its names and
places joined by dots: `experts.0.W`. The gradient of an embedding table is a `RowGrad`, since a batch touches few of
its rows.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from .arguments import COMPLEX, REAL, integers, kind_of, plain
from .backend import on_device

Tree = dict[str, Any] | list[Any]
SomeTree = TypeVar("SomeTree", bound=Tree)
BRANCH = (dict, list)


class RowGrad(NamedTuple):
    """Gradient of a table of which only some rows were used.

    rows    (R,)      int64, unique, ascending
    values  (R, ...)  gradient of those rows; all other rows have gradient 0
    """

    rows: np.ndarray
    values: np.ndarray

    def check(self, shape: tuple[int, ...], name: str = "RowGrad") -> None:
        """Raise TypeError, ValueError or IndexError unless it is a gradient of a table of this shape."""
        rows, values = integers(f"{name}: rows", self.rows), plain(f"{name}: values", self.values)
        if values.dtype not in REAL + COMPLEX:
            raise TypeError(f"{name}: values are {kind_of(values)}, want an array of real numbers")
        if not shape:
            raise ValueError(f"{name}: a table without an axis has no rows")
        if rows.ndim != 1 or values.shape != (len(rows), *shape[1:]):
            raise ValueError(f"{name}: rows {rows.shape} and values {values.shape} of a table {tuple(shape)}")
        if on_device(rows):  # to look at them, the host would have to wait
            return
        if len(rows) and not (rows[1:] > rows[:-1]).all():
            raise ValueError(f"{name}: rows must be unique and ascending")
        if len(rows) and (rows[0] < 0 or rows[-1] >= shape[0]):
            raise IndexError(f"{name}: rows from {rows[0]} to {rows[-1]}, the table has 0 to {shape[0] - 1}")

    def dense(self, shape: tuple[int, ...]) -> np.ndarray:
        """The same gradient as a full array."""
        self.check(shape)
        full = np.zeros(shape, self.values.dtype, like=self.values)
        full[self.rows] = self.values
        return full


def entries(branch: Tree) -> Iterable[tuple[Any, Any]]:
    """The pairs (key, child) of a branch; the keys of a list are the places 0, 1, ..."""
    return enumerate(branch) if isinstance(branch, list) else branch.items()


class Outline(NamedTuple):
    """What a tree is made of.

    leaves  {path: leaf}, in the tree's order
    lists   {path: length} of its lists, which leaves' paths do not tell from dicts with the keys "0", "1", ...; the
            path of the tree itself is ""
    """

    leaves: dict[str, Any]
    lists: dict[str, int]


def outline(tree: Tree) -> Outline:
    """The `Outline` of a tree. Raises ValueError for a key with a dot, TypeError for what is no tree."""
    if not isinstance(tree, BRANCH):
        raise TypeError(f"parameters and gradients are dicts or lists of arrays, not {kind_of(tree)}")
    found = Outline({}, {})
    _outline(tree, "", found)
    return found


def _outline(branch, path, found):
    if isinstance(branch, list):
        found.lists[path] = len(branch)
    start = f"{path}." if path else ""
    for key, node in entries(branch):
        if "." in str(key):
            raise ValueError(f"{start}{key}: a key with a dot would be two")
        if isinstance(node, BRANCH):
            _outline(node, f"{start}{key}", found)
        else:
            found.leaves[f"{start}{key}"] = node


def flatten(tree: Tree) -> dict[str, Any]:
    """{path: leaf} of a tree, in its order. Raises ValueError for a key with a dot, TypeError for what is no tree."""
    return outline(tree).leaves


def with_leaves(tree: SomeTree, leaves: Mapping[str, Any], prefix: str = "") -> SomeTree:
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
        tree = tree[int(key)] if isinstance(tree, list) else tree[key]
    return tree


def tree_map(f: Callable, tree: SomeTree, *others: Tree, at: str = "") -> SomeTree:
    """Apply `f` leaf by leaf to trees of one structure. Raises ValueError for others.

    at  path of the trees in larger ones, for the error
    """
    for other in others:
        _same_branch(tree, other, at)
    children = []
    for key, node in entries(tree):
        others_there = [other[key] for other in others]
        if isinstance(node, BRANCH):
            children.append(tree_map(f, node, *others_there, at=f"{at}.{key}" if at else f"{key}"))
        elif any(isinstance(other, BRANCH) for other in others_there):
            raise ValueError(
                f"trees of different structure: {f'{at}.' if at else ''}{key} is a leaf in one of them only"
            )
        else:
            children.append(f(node, *others_there))
    return _branch_like(tree, children)


def _branch_like(branch, children):
    """A list or a dict, as `branch` is, of other children."""
    return children if isinstance(branch, list) else dict(zip(branch, children, strict=True))


def _same_branch(one, other, at):
    """Raise ValueError unless both are lists of one length, or dicts with the same keys."""
    if isinstance(one, list):
        same = isinstance(other, list) and len(one) == len(other)
    else:
        same = isinstance(other, dict) and one.keys() == other.keys()
    if not same:
        raise ValueError(f"trees of different structure: {at or 'the whole'} is {_form(one)} and {_form(other)}")


def _form(node):
    if isinstance(node, list):
        return f"a list of {len(node)}"
    return f"a dict of {', '.join(map(str, node)) or 'nothing'}" if isinstance(node, dict) else "a leaf"


def same_leaves(what: str, one: Outline, other_what: str, other: Outline) -> None:
    """Raise ValueError unless two trees have leaves at the same paths."""
    if one.leaves.keys() != other.leaves.keys():
        strangers = sorted(one.leaves.keys() ^ other.leaves.keys())
        raise ValueError(f"{what} and {other_what} are of different trees: only one has {', '.join(strangers[:5])}")


def same_lists(what: str, one: Outline, other_what: str, other: Outline) -> None:
    """Raise ValueError unless two trees have lists of the same lengths in the same places, whatever their leaves."""
    if one.lists != other.lists:
        mine, theirs = one.lists.items(), other.lists.items()
        path = min(path for path, _ in mine ^ theirs)
        said = f"{_length(one.lists.get(path))} in {what} and {_length(other.lists.get(path))} in {other_what}"
        raise ValueError(f"{what} and {other_what} are of different trees: {path or 'the whole'} is {said}")


def _length(n):
    return "no list" if n is None else f"a list of {n}"


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
