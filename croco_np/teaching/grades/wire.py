"""What goes between the grade book and an answer's process: frames of pickled data.

The answer's process trusts ours. We do not trust it: what it sends is decoded without calling anything but makers of
our own for arrays, numbers and short ranges, and the constructors of the named tuples of this package. None of them
makes more than was sent, and what was sent is small; so decoding it, and checking it, takes little time and memory.
"""

import io
import pickle
import struct
import sys
from typing import IO, Any

import numpy as np

HEAD = struct.Struct(">Q")  # the length of what follows
LARGEST = 4 * 2**20  # bytes of a frame that comes back; exercises are small
OURS = 2**32  # bytes of a frame that we send
PARTS = 10**6  # parts of what comes back: entries, letters; each counted as often as it is reached
LONGEST = 10**5  # numbers in a range
WIDEST = 2**16  # bytes of one entry of an array
ARRAY = "numpy.ndarray"  # stands for the class, which is only named, never called


class Undecodable(Exception):
    """What came back is none of what an exercise may ask for."""


def send(stream: IO[bytes], thing: Any) -> None:
    """Write one frame."""
    data = pickle.dumps(thing, protocol=5)
    stream.write(HEAD.pack(len(data)) + data)
    stream.flush()


def received(stream: IO[bytes], largest: int = LARGEST) -> bytes:
    """The next frame; EOFError at the end of the stream, `Undecodable` if it is too large."""
    head = _exactly(stream, HEAD.size)
    (length,) = HEAD.unpack(head)
    if length > largest:
        raise Undecodable(f"it returns {length:,} bytes, and {largest:,} are allowed")
    return _exactly(stream, length)


def decoded(data: bytes) -> Any:
    """The thing in a frame from the answer's process; `Undecodable` if it holds what is neither data nor ours."""
    try:
        thing = _Decoder(io.BytesIO(data)).load()
        _count(thing)
    except Undecodable:
        raise
    except Exception as error:  # whatever a broken or forged frame makes a decoder do
        raise Undecodable(f"what it returns cannot be read ({type(error).__name__})") from None
    return thing


class _Decoder(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in MAKERS:
            return MAKERS[module, name]
        if module.partition(".")[0] == __package__.partition(".")[0]:
            found = getattr(sys.modules.get(module), name, None)
            if isinstance(found, type) and issubclass(found, tuple):  # named tuples do nothing when they are made
                return found
        raise Undecodable(f"it returns, or holds, {module}.{name}, which no exercise asks for")


def _range(*args):
    made = range(*args)
    if len(made) > LONGEST:
        raise Undecodable(f"it returns, or holds, a range of {len(made):,} numbers, and {LONGEST:,} are allowed")
    return made


def _dtype(*args):
    made = np.dtype(*args)
    if made.itemsize > WIDEST:
        raise Undecodable(f"it returns, or holds, an array whose entries take {made.itemsize:,} bytes each")
    return made


def _empty(*_):
    """The array that pickle fills afterwards, and which a forged frame would have large."""
    return np.ndarray((0,), np.int8)


def _scalar(dtype, data):
    """One number of NumPy's, of the bytes that were sent."""
    return np.frombuffer(data, dtype, 1)[0]


def _array(data, dtype, shape, order):
    return np.frombuffer(data, dtype).reshape(shape, order=order)


MAKERS: dict[tuple[str, str], Any] = {
    ("builtins", "Ellipsis"): Ellipsis,
    ("builtins", "complex"): complex,
    ("builtins", "slice"): slice,
    ("builtins", "range"): _range,
    ("numpy", "dtype"): _dtype,
    ("numpy", "ndarray"): ARRAY,
} | {
    (f"numpy.{core}.{module}", name): maker
    for core in ("core", "_core")  # before NumPy 2, and since
    for module, name, maker in (
        ("multiarray", "_reconstruct", _empty),
        ("multiarray", "scalar", _scalar),
        ("numeric", "_frombuffer", _array),
    )
}


def _count(thing):
    """`Undecodable` if a thing has too many parts, as NumPy would count them that makes an array of it.

    A container that is in it twice counts twice, and one that holds itself has no end.
    """
    sizes: dict[int, int] = {}
    stack, seen = [(thing, False)], 0
    while stack:
        node, walked = stack.pop()
        if walked:
            sizes[id(node)] = 1 + sum(_size(part, sizes) for part in _inner(node))
        elif _is_container(node) and id(node) not in sizes:
            sizes[id(node)] = PARTS + 1  # until it is walked: who reaches it before is part of it
            seen += 1 + len(node)
            stack.append((node, True))
            stack += [(part, False) for part in _inner(node)] if seen <= PARTS else []
        if seen > PARTS or (_size(node, sizes) > PARTS and not (_is_container(node) and not walked)):
            raise Undecodable("it returns more than an exercise asks for")


def _is_container(node):
    return isinstance(node, (dict, list, tuple, set, frozenset))


def _inner(node):
    return [*node, *node.values()] if isinstance(node, dict) else node


def _size(node, sizes):
    """How many parts a thing has; those of a container are counted already."""
    if isinstance(node, np.ndarray):
        return 1 + node.size
    if isinstance(node, int):
        return 1 + node.bit_length() // 64
    return sizes.get(id(node), 1) if _is_container(node) else 1 + len(node) if hasattr(node, "__len__") else 1


def _exactly(stream, n):
    """n bytes; EOFError if the stream ends before."""
    data = stream.read(n)
    if len(data) < n:
        raise EOFError
    return data
