"""Find out which matrix products a forward pass computes, by running it on arrays that record each product."""

from math import prod
from typing import NamedTuple

import numpy as np

from ..arguments import taking
from ..batch import Batch
from ..kernels.twin import using
from ..models import Output, System
from ..models.twins import definition
from ..tree import Tree, tree_map


class Shape(NamedTuple):
    """`copies` products (m, k) times (k, n); `inputs` of the left sides differ: 1 if all copies read the same one."""

    copies: int
    inputs: int
    m: int
    k: int
    n: int

    @property
    def flop(self) -> int:
        """Operations, a multiplication and an addition counting as two."""
        return 2 * self.copies * self.m * self.k * self.n


def forward_products(model: System, params: Tree, batch: Batch) -> tuple[list[Shape], Output]:
    """The `Shape`s of the products of a forward pass as the model's equations have it, and its output."""
    shapes = []

    class Watched(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
            inputs = [_plain(x) for x in inputs]
            if out is not None:
                kwargs["out"] = tuple(_plain(x) for x in out)
            result = getattr(ufunc, method)(*inputs, **kwargs)
            if ufunc is np.matmul and result.size:
                x, w = inputs
                shapes.append(Shape(prod(result.shape[:-2]), prod(x.shape[:-2]), *x.shape[-2:], w.shape[-1]))
            return result.view(Watched) if isinstance(result, np.ndarray) else result

        def __array_function__(self, func, types, args, kwargs):
            if func in (np.dot, np.einsum, np.tensordot, np.inner, np.vdot):
                raise TypeError(f"np.{func.__name__} is not counted; write the product with @")
            return super().__array_function__(func, types, args, kwargs)

    with using("numpy"), taking(Watched):
        out, _ = definition(model).forward(tree_map(lambda w: w.view(Watched), params), batch)
    return shapes, out


def _plain(x):
    return x.view(np.ndarray) if isinstance(x, np.ndarray) else x
