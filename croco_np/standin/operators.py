"""Python's operators of the stand-in's array: each is a ufunc of NumPy, which the array answers itself."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

Array = TypeVar("Array", bound=type)
NUMBERS = (bool, int, float, complex, np.generic)
BINARY = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
    "matmul": np.matmul,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}
COMPARED = {
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}
UNARY = {"neg": np.negative, "abs": np.absolute, "invert": np.invert}


def with_operators(array: Array) -> Array:
    """A class of arrays that answers NumPy's ufuncs, with Python's operators."""
    for name, ufunc in BINARY.items():
        setattr(array, f"__{name}__", _operator(ufunc))
        setattr(array, f"__r{name}__", _swapped(ufunc))
        setattr(array, f"__i{name}__", _in_place(ufunc))
    for name, ufunc in COMPARED.items():
        setattr(array, f"__{name}__", _operator(ufunc))
    for name, ufunc in UNARY.items():
        setattr(array, f"__{name}__", _of_one(ufunc))
    return array


def _is_operand(self, other):
    return isinstance(other, (type(self), np.ndarray, *NUMBERS))


def _operator(ufunc: np.ufunc) -> Callable:
    def apply(self: Any, other: Any) -> Any:
        return ufunc(self, other) if _is_operand(self, other) else NotImplemented

    return apply


def _swapped(ufunc: np.ufunc) -> Callable:
    def apply(self: Any, other: Any) -> Any:
        return ufunc(other, self) if _is_operand(self, other) else NotImplemented

    return apply


def _in_place(ufunc: np.ufunc) -> Callable:
    def apply(self: Any, other: Any) -> Any:
        return ufunc(self, other, out=self)

    return apply


def _of_one(ufunc: np.ufunc) -> Callable:
    def apply(self: Any) -> Any:
        return ufunc(self)

    return apply
