"""The array of the stand-in; see `croco_np.standin` for what it allows."""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .functions import METHOD, name_of, table

NUMBERS = (bool, int, float, complex, np.generic)
MAKERS = ("array", "asarray", "asanyarray", "ascontiguousarray")  # with `like=` they bring a host array to the device
ONLY = dict.fromkeys(("at", "reduceat"), ("add",)) | dict.fromkeys(("reduce", "accumulate"), ("add", "multiply"))
ATTRIBUTES = frozenset(("dtype", "itemsize", "nbytes", "ndim", "shape", "size", "strides"))
OWN_FOLDER, NUMPY = str(Path(__file__).parent), str(Path(np.__file__).parent)

IDLE = frozenset(["reshape", "ravel", "swapaxes", "transpose", "squeeze", "diagonal", "view", "split", "broadcast_to"])
IDLE |= frozenset(["shape", "ndim", "size", "result_type", "may_share_memory", "shares_memory", "empty", "empty_like"])
SIZED = frozenset(
    ["unique", "flatnonzero", "nonzero", "argwhere", "bincount"]
)  # the host waits for the size of the result

waits: Counter[str] = Counter()  # {"file:line": how often the host had to wait for a value of the device there}
asked: Counter[str] = Counter()  # {function: how often it was asked of the device}; each starts a kernel there, or more


def _ask(name):
    """Note that a function was called, unless it starts nothing on a device: views, questions, memory to be filled."""
    if name not in IDLE:
        asked[name] += 1
    if name in SIZED:
        waits[where()] += 1


class Refused(TypeError):
    """What CuPy refuses, and where in the program it was asked for."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{where()}: {what}")


def where() -> str:
    """file:line of the innermost frame that is neither NumPy's nor the stand-in's."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_code.co_filename.startswith((OWN_FOLDER, NUMPY, "<")):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


class Flags:
    """Flags of an array, those that CuPy has."""

    def __init__(self, flags: Any) -> None:
        self.c_contiguous, self.f_contiguous = flags.c_contiguous, flags.f_contiguous
        self.owndata, self.fnc, self.forc = flags.owndata, flags.fnc, flags.forc


class DeviceArray:
    """An array that plays being on a device. Its numbers are in the host's memory, where only `get` may look."""

    __slots__ = ("_host", "base")
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]  # arrays are equal entry by entry

    def __init__(self, host: np.ndarray, base: "DeviceArray | None" = None) -> None:
        self._host, self.base = host, base

    def get(self) -> np.ndarray:
        """A copy in the host's memory, for which the host waits."""
        waits[where()] += 1
        return self._host.copy()

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise Refused("a device array where NumPy wants a host array; use like=, or backend.host to copy it")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        _require_known(ufunc.__name__)
        if ufunc.__name__ not in ONLY.get(method, (ufunc.__name__,)):
            raise Refused(f"CuPy has no {ufunc.__name__}.{method}")
        _ask(ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}")
        if len(kwargs.get("out", (None,))) != 1:
            raise Refused("out= takes one array")
        arguments = [_unwrapped(a) for a in inputs]
        result = getattr(ufunc, method)(*arguments, **{name: _unwrapped(a) for name, a in kwargs.items()})
        return kwargs["out"][0] if "out" in kwargs else _wrapped(result, inputs)

    def __array_function__(self, function: Any, types: Any, args: tuple, kwargs: dict) -> Any:
        name = name_of(function)
        _require_known(name)
        _require_fitting(name, args, kwargs)
        if name == "repeat" and not isinstance(kwargs.get("repeats", args[1:2] and args[1]), int | list | tuple):
            raise Refused("CuPy's repeat takes a number or a list of them")
        _ask(name)
        makes = name in MAKERS and all(type(a) is np.ndarray for a in args[:1])
        given = args if makes else [_unwrapped(a) for a in args]
        result = function(*given, **{key: _unwrapped(a) for key, a in kwargs.items()})
        if makes:
            return DeviceArray(np.array(result))
        return _wrapped(result, (args, kwargs))

    def __getattr__(self, name: str) -> Any:
        if name in ATTRIBUTES:
            return getattr(self._host, name)
        if name in ("T", "real", "imag"):
            return _wrapped(getattr(self._host, name), self)
        if f"{METHOD}{name}" in table():
            return _method(self, name)
        raise AttributeError(f"{where()}: CuPy's arrays have no {name}")

    @property
    def flags(self) -> Flags:
        return Flags(self._host.flags)

    def set(self, a: np.ndarray, stream: Any = None) -> None:
        """Copy a host array here."""
        if a.shape != self._host.shape or a.dtype != self._host.dtype:
            raise Refused(f"a host array {a.dtype} {a.shape} for a device array {self._host.dtype} {self._host.shape}")
        self._host[...] = a

    def item(self, *index: int) -> Any:
        waits[where()] += 1
        return self._host.item(*index)

    def tolist(self) -> Any:
        waits[where()] += 1
        return self._host.tolist()

    def __getitem__(self, index: Any) -> "DeviceArray":
        index = _index(index)
        parts = index if isinstance(index, tuple) else (index,)
        if any(isinstance(part, np.ndarray | list) for part in parts):  # a copy; a slice is a view
            _ask("take")
        if any(isinstance(part, np.ndarray) and part.dtype == bool for part in parts):
            waits[where()] += 1  # for the size of the result
        return _wrapped(self._host[index], self)

    def __setitem__(self, index: Any, value: Any) -> None:
        _ask("put")
        index = _index(index)
        parts = index if isinstance(index, tuple) else (index,)
        places = [part for part in parts if isinstance(part, np.ndarray) and part.dtype.kind in "iu"]
        if len(places) == 1 and len(np.unique(places[0])) < places[0].size:
            raise Refused("two writes to one place: on a GPU any of them may stay")
        self._host[index] = _unwrapped(value)

    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return repr(self._host)

    def __format__(self, form: str) -> str:
        return format(self.item() if not self.ndim else self._host, form)

    def __bool__(self) -> bool:
        waits[where()] += 1
        return bool(self._host)

    def __float__(self) -> float:
        waits[where()] += 1
        return float(self._host)

    def __int__(self) -> int:
        waits[where()] += 1
        return int(self._host)

    def __complex__(self) -> complex:
        waits[where()] += 1
        return complex(self._host)

    def __copy__(self) -> "DeviceArray":
        return DeviceArray(self._host.copy())

    def __deepcopy__(self, memo: Any) -> "DeviceArray":
        return DeviceArray(self._host.copy())


def _require_known(name):
    if name not in table():
        raise Refused(f"CuPy has no function {name}")


def _require_fitting(name, args, kwargs):
    signature = table()[name]
    try:
        if signature is not None:
            signature.bind(*args, **kwargs)
    except TypeError as error:
        raise Refused(f"CuPy's {name} has no such arguments: {error}") from None


def _unwrapped(a: Any) -> Any:
    """What NumPy is called with in the place of an argument; host arrays are refused."""
    if type(a) is DeviceArray:
        return a._host
    if isinstance(a, np.ndarray):
        raise Refused(f"a host array {a.shape} beside a device array; bring it there once, by np.asarray(a, like=x)")
    if isinstance(a, list | tuple):
        return type(a)(map(_unwrapped, a)) if type(a) in (list, tuple) else a
    return a


def _index(index):
    """An index as NumPy takes it; an array of the host would be copied at each use."""
    return tuple(map(_unwrapped, index)) if isinstance(index, tuple) else _unwrapped(index)


def _wrapped(result: Any, of: Any) -> Any:
    """A result on the device: arrays, and NumPy's scalars as arrays without an axis, as CuPy returns them."""
    if isinstance(result, np.ndarray):
        return DeviceArray(result, _owner(result, of))
    if isinstance(result, np.generic):
        return DeviceArray(np.asarray(result))
    if isinstance(result, list | tuple):
        parts = [_wrapped(r, of) for r in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    return result


def _owner(result, of):
    """The device array that a view is one of, as `x.base` says it."""
    if result.base is None:
        return None
    for a in _arrays(of):
        if np.may_share_memory(a._host, result):
            return a if a.base is None else a.base
    return None


def _arrays(of):
    if type(of) is DeviceArray:
        yield of
    elif isinstance(of, dict):
        yield from _arrays(list(of.values()))
    elif isinstance(of, list | tuple):
        for a in of:
            yield from _arrays(a)


def _method(array, name):
    """A method of NumPy's array, with arguments of the device."""

    def method(*args: Any, **kwargs: Any) -> Any:
        _require_fitting(f"{METHOD}{name}", args, kwargs)
        _ask(name)
        arguments = [_unwrapped(a) for a in args]
        named = {key: _unwrapped(a) for key, a in kwargs.items()}
        return _wrapped(getattr(array._host, name)(*arguments, **named), array)

    return method


def _operator(ufunc: np.ufunc, swapped: bool) -> Callable:
    def apply(self: DeviceArray, other: Any) -> Any:
        if not isinstance(other, (DeviceArray, np.ndarray, *NUMBERS)):
            return NotImplemented
        return ufunc(other, self) if swapped else ufunc(self, other)

    return apply


def _in_place(ufunc: np.ufunc) -> Callable:
    def apply(self: DeviceArray, other: Any) -> DeviceArray:
        return ufunc(self, other, out=self)

    return apply


OPERATORS = {
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
COMPARED = ("lt", "le", "gt", "ge")
for _name, _ufunc in OPERATORS.items():
    setattr(DeviceArray, f"__{_name}__", _operator(_ufunc, swapped=False))
    setattr(DeviceArray, f"__r{_name}__", _operator(_ufunc, swapped=True))
    setattr(DeviceArray, f"__i{_name}__", _in_place(_ufunc))
for _name, _ufunc in zip(COMPARED, (np.less, np.less_equal, np.greater, np.greater_equal), strict=True):
    setattr(DeviceArray, f"__{_name}__", _operator(_ufunc, swapped=False))
DeviceArray.__eq__ = _operator(np.equal, swapped=False)  # type: ignore[method-assign]
DeviceArray.__ne__ = _operator(np.not_equal, swapped=False)  # type: ignore[method-assign]
DeviceArray.__neg__ = lambda self: np.negative(self)  # type: ignore[attr-defined,operator]
DeviceArray.__abs__ = lambda self: np.absolute(self)  # type: ignore[attr-defined]
DeviceArray.__invert__ = lambda self: np.invert(self)  # type: ignore[attr-defined,operator]
