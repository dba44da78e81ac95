"""The array of the stand-in; see `croco_np.standin` for what it allows."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .functions import METHOD, name_of, table
from .journal import Refused, ask, asked, wait, waits, where
from .operators import with_operators
from .rules import check_fitting, check_function, check_index, check_ufunc

__all__ = ["DeviceArray", "Flags", "Refused", "asked", "waits"]

MAKERS = ("array", "asarray", "asanyarray", "ascontiguousarray")  # with `like=` they bring a host array to the device
ATTRIBUTES = frozenset(("dtype", "itemsize", "nbytes", "ndim", "shape", "size", "strides"))


class Flags:
    """Flags of an array, those that CuPy has."""

    def __init__(self, flags: Any) -> None:
        self.c_contiguous, self.f_contiguous = flags.c_contiguous, flags.f_contiguous
        self.owndata, self.fnc, self.forc = flags.owndata, flags.fnc, flags.forc


@with_operators
class DeviceArray:
    """An array that plays being on a device. Its numbers are in the host's memory, where only `get` may look."""

    __slots__ = ("_host", "base")
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]  # arrays are equal entry by entry

    def __init__(self, host: np.ndarray, base: "DeviceArray | None" = None) -> None:
        self._host, self.base = host, base

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise Refused("a device array where NumPy wants a host array; use like=, or backend.host to copy it")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        check_ufunc(ufunc, method, inputs, kwargs)
        ask(ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}")
        arguments = [unwrapped(a) for a in inputs]
        result = getattr(ufunc, method)(*arguments, **{name: unwrapped(a) for name, a in kwargs.items()})
        return kwargs["out"][0] if "out" in kwargs else wrapped(result, inputs)

    def __array_function__(self, function: Any, types: Any, args: tuple, kwargs: dict) -> Any:
        name = name_of(function)
        check_function(name, args, kwargs)
        ask(name)
        makes = name in MAKERS and all(type(a) is np.ndarray for a in args[:1])
        given = args if makes else [unwrapped(a) for a in args]
        result = function(*given, **{key: unwrapped(a) for key, a in kwargs.items()})
        return DeviceArray(np.array(result)) if makes else wrapped(result, (args, kwargs))

    def __getattr__(self, name: str) -> Any:
        if name in ATTRIBUTES:
            return getattr(self._host, name)
        if name in ("T", "real", "imag"):
            return wrapped(getattr(self._host, name), self)
        if f"{METHOD}{name}" in table():
            return _method(self, name)
        raise AttributeError(f"{where()}: CuPy's arrays have no {name}")

    @property
    def flags(self) -> Flags:
        return Flags(self._host.flags)

    def __getitem__(self, index: Any) -> "DeviceArray":
        index = _index(index)
        parts = index if isinstance(index, tuple) else (index,)
        check_index(parts)
        if any(isinstance(part, np.ndarray | list) for part in parts):  # a copy; a slice is a view
            ask("take")
            if _masks(parts):
                wait()  # for the size of the result
            return wrapped(self._host[index], self)
        return wrapped(self._host[index if Ellipsis in parts else (*parts, ...)], self)  # of one entry a view, too

    def __setitem__(self, index: Any, value: Any) -> None:
        ask("put")
        index = _index(index)
        parts = index if isinstance(index, tuple) else (index,)
        check_index(parts)
        if isinstance(value, list | tuple):
            raise Refused("CuPy assigns arrays and numbers, not lists or tuples")
        if _masks(parts):
            wait()
        places = [part for part in parts if isinstance(part, np.ndarray) and part.dtype.kind in "iu"]
        if len(places) == 1 and len(np.unique(places[0])) < places[0].size:
            raise Refused("two writes to one place: on a GPU any of them may stay")
        self._host[index] = unwrapped(value)

    def set(self, a: np.ndarray, stream: Any = None) -> None:
        """Copy a host array here."""
        if a.shape != self._host.shape or a.dtype != self._host.dtype:
            raise Refused(f"a host array {a.dtype} {a.shape} for a device array {self._host.dtype} {self._host.shape}")
        self._host[...] = a

    def get(self) -> np.ndarray:
        """A copy in the host's memory, for which the host waits."""
        wait()
        return self._host.copy()

    def item(self, *index: int) -> Any:
        wait()
        return self._host.item(*index)

    def tolist(self) -> Any:
        wait()
        return self._host.tolist()

    def __bool__(self) -> bool:
        wait()
        return bool(self._host)

    def __float__(self) -> float:
        wait()
        return float(self._host.item())  # complex: TypeError, where NumPy only warns

    def __int__(self) -> int:
        wait()
        return int(self._host.item())

    def __complex__(self) -> complex:
        wait()
        return complex(self._host)

    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Iterator["DeviceArray"]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return repr(self._host)

    def __format__(self, form: str) -> str:
        return format(self._host if self.ndim else self.item(), form)

    def __copy__(self) -> "DeviceArray":
        return DeviceArray(self._host.copy())

    def __deepcopy__(self, memo: Any) -> "DeviceArray":
        return DeviceArray(self._host.copy())


def unwrapped(a: Any) -> Any:
    """What NumPy is called with in the place of an argument; host arrays are refused."""
    if type(a) is DeviceArray:
        return a._host
    if isinstance(a, np.ndarray):
        raise Refused(f"a host array {a.shape} beside a device array; bring it there once, by np.asarray(a, like=x)")
    return type(a)(map(unwrapped, a)) if type(a) in (list, tuple) else a


def wrapped(result: Any, of: Any) -> Any:
    """A result on the device: arrays, and NumPy's scalars as arrays without an axis, as CuPy returns them."""
    if isinstance(result, np.ndarray):
        return DeviceArray(result, _owner(result, of))
    if isinstance(result, np.generic):
        return DeviceArray(np.asarray(result))
    if isinstance(result, list | tuple):
        parts = [wrapped(r, of) for r in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    return result


def _index(index):
    """An index as NumPy takes it; an array of the host would be copied at each use."""
    return tuple(map(unwrapped, index)) if isinstance(index, tuple) else unwrapped(index)


def _masks(parts):
    return any(isinstance(part, np.ndarray) and part.dtype == bool for part in parts)


def _owner(result, of):
    """The device array that a view is one of, as `x.base` says it."""
    if result.base is None:
        return None
    shared = (a for a in _arrays(of) if np.may_share_memory(a._host, result))
    owner = next(shared, None)
    return owner if owner is None or owner.base is None else owner.base


def _arrays(of):
    if type(of) is DeviceArray:
        yield of
    elif isinstance(of, dict | list | tuple):
        for a in of.values() if isinstance(of, dict) else of:
            yield from _arrays(a)


def _method(array: DeviceArray, name: str) -> Callable:
    """A method of NumPy's array, with arguments of the device."""

    def method(*args: Any, **kwargs: Any) -> Any:
        check_fitting(f"{METHOD}{name}", args, kwargs)
        ask(name)
        arguments = [unwrapped(a) for a in args]
        named = {key: unwrapped(a) for key, a in kwargs.items()}
        return wrapped(getattr(array._host, name)(*arguments, **named), array)

    return method
