"""What a function may be called with, said in letters and checked before it runs.

    Takes(gather, table=real("V M E"), rows=ids("B F", below="V"))

Each letter is a length, the same wherever it occurs; a digit is that length, `M+` one that is not 0, `F*E` a multiple
of F. A compiled loop
believes what it is told and NumPy stretches what is too short, so neither can be the one to notice.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from .backend import KINDS, on_device

REAL, COMPLEX = tuple(map(np.dtype, "fd")), tuple(map(np.dtype, "FD"))
INTEGERS = frozenset((int, *(np.dtype(c).type for c in "bhilqBHILQ")))  # these types, none that inherits from them
NUMBERS = INTEGERS | {float, np.float32, np.float64}
LARGEST = 2**63 - 1  # of an int that a compiled loop can be handed
SOME = "at least 1"  # a length for `expect`
_views: set[type] = {np.memmap}  # classes of arrays that are looked at as plain ones


Check = Callable[[np.ndarray], str]  # what is wrong with the entries, or ""


class Rule(NamedTuple):
    """What one argument is.

    what     in words: "real", "bool", "integers", "number", "decay" or "size"
    axes     letters of an array's shape
    in_place whether the function changes it
    shared   whether its dtype is that of all other arrays with `shared`
    below    argument or letter that the entries are less than; they are not negative either
    check    function(a) -> what is wrong with the entries, or ""
    """

    what: str
    axes: tuple[str, ...] = ()
    in_place: bool = False
    shared: bool = False
    below: str = ""
    check: Check | None = None


def real(axes: str, check: Check | None = None) -> Rule:
    """float32 or float64, one of them throughout; complex for a definition under a complex step."""
    return Rule("real", tuple(axes.split()), shared=True, check=check)


def written(axes: str) -> Rule:
    """`real`, changed in place: C-contiguous, writeable, and sharing no memory with another argument."""
    return Rule("real", tuple(axes.split()), shared=True, in_place=True)


def double(axes: str) -> Rule:
    """float64, whatever the others are."""
    return Rule("float64", tuple(axes.split()))


def flags(axes: str) -> Rule:
    """bool."""
    return Rule("bool", tuple(axes.split()))


def ids(axes: str, below: str, check: Check | None = None) -> Rule:
    """Integers from 0 to `below` - 1."""
    return Rule("integers", tuple(axes.split()), below=below, check=check)


def counts(axes: str) -> Rule:
    """Integers that are not negative."""
    return Rule("integers", tuple(axes.split()), check=not_negative)


def not_negative(a: np.ndarray) -> str:
    return "" if a.min() >= 0 else "must not be negative"


def ascending(a: np.ndarray) -> str:
    """For `ids`: no entry twice, each larger than the one before."""
    return "" if (a[1:] > a[:-1]).all() else "must be unique and ascending"


def finite(a: np.ndarray) -> str:
    """For `real`."""
    return "" if np.isfinite(a).all() else "has NaN or infinity"


SIZE = Rule("size")  # an int that is not negative
NUMBER = Rule("number")  # a real number
DECAY = Rule("decay")  # a number from 0 to 1, without 1


class Takes:
    """The rules of all arguments of a function; call it with a tuple of the arguments to get it back.

    What is memory-mapped comes back as a plain array (`plain`). Raises TypeError for a dtype, ValueError for a
    shape or a layout, IndexError for an integer out of its range. Costs a microsecond or two, and for integers with a
    limit a look at all of them, which those on a device are spared: ids are checked before they go there.
    """

    def __init__(self, function: Callable, **rules: Rule) -> None:
        self.name = function.__name__
        if list(rules) != list(inspect.signature(function).parameters):
            raise TypeError(f"{self.name}: rules for {', '.join(rules)}")
        self.rules = tuple(rules.items())
        letters = {letter for rule in rules.values() for letter in rule.axes}
        self.lengths = {letter: int(letter) for letter in letters if letter.isdigit()}
        self.scalars = tuple((i, name, r) for i, (name, r) in enumerate(self.rules) if not r.axes)
        self.arrays = tuple((i, name, *r[:4]) for i, (name, r) in enumerate(self.rules) if r.axes)
        self.not_empty = tuple(letter for letter in letters if letter.endswith("+"))
        self.multiples = tuple(letter for letter in letters if "*" in letter)
        self.valued = tuple((i, name, r) for i, (name, r) in enumerate(self.rules) if r.below or r.check)
        arrays = [i for i, (_, rule) in enumerate(self.rules) if rule.axes]
        in_place = [i for i in arrays if self.rules[i][1].in_place]
        self.apart = tuple((i, j) for i in in_place for j in arrays if j not in in_place or i < j)

    def __call__(self, args: tuple) -> tuple:
        if len(args) != len(self.rules):
            raise TypeError(f"{self.name}: {len(args)} arguments, want {', '.join(name for name, _ in self.rules)}")
        known: dict[Any, Any] = self.lengths.copy()
        common = None
        for i, name, rule in self.scalars:
            if type(args[i]) is not float or rule is not NUMBER:
                self._scalar(name, rule, args[i], known)
        for i, name, what, axes, in_place, shared in self.arrays:
            a = args[i]
            if type(a) not in KINDS or (a.dtype not in REAL if what == "real" else not is_a(what, a.dtype)):
                a = self._kind(name, what, a)
                args = (*args[:i], a, *args[i + 1 :])
            if known.get(axes) != a.shape:  # the same letters were not met before
                self._bind(name, a, axes, known)
            if in_place and not (a.flags.c_contiguous and is_writeable(a)):
                raise ValueError(f"{self.name}: {name} is changed in place, so it must be writeable and C-contiguous")
            if shared and a.dtype is not common:
                common = self._common(name, a.dtype, common)
        for letter in self.not_empty:
            if known[letter] == 0:
                raise ValueError(f"{self.name}: {letter[:-1]} is 0, want at least 1")
        for letter in self.multiples:
            if known[letter] % known[letter[0]] if known[letter[0]] else known[letter]:
                raise ValueError(f"{self.name}: an axis of {known[letter]}, want a multiple of {known[letter[0]]}")
        for i, name, rule in self.valued:
            self._values(name, rule, args[i], known)
        for i, j in self.apart:
            if on_device(args[i]):  # asking CuPy takes the host longer than a launch; a step's are told apart before it
                break
            if np.may_share_memory(args[i], args[j]) and np.shares_memory(args[i], args[j]):
                one, two = self.rules[i][0], self.rules[j][0]
                raise ValueError(f"{self.name}: {one} is changed in place and shares memory with {two}; hand in a copy")
        return args

    def _scalar(self, name, rule, a, known):
        if rule is SIZE and type(a) not in INTEGERS:
            raise TypeError(f"{self.name}: {name} is {kind_of(a)}, want an int")
        number(f"{self.name}: {name}", a)
        if rule is DECAY and not 0 <= a < 1:
            raise ValueError(f"{self.name}: {name} is {a}, want 0 <= {name} < 1")
        if rule is SIZE:
            if a < 0:
                raise ValueError(f"{self.name}: {name} is {a}, want at least 0")
            known[name] = int(a)

    def _kind(self, name, what, a):
        """The array as a plain one, of the dtype that a rule says."""
        a = plain(f"{self.name}: {name}", a, f"an array, {what}")
        if not is_a(what, a.dtype):
            raise TypeError(f"{self.name}: {name} is {kind_of(a)}, want an array, {what}")
        return a

    def _bind(self, name, a, axes, known):
        """Each letter is the length where it was first met, and they together the shape."""
        fits = len(a.shape) == len(axes)
        for letter, n in zip(axes, a.shape):  # noqa: B905 (slower, on the way of every step)
            fits = fits and known.setdefault(letter, n) == n
        if not fits:
            want = ", ".join(str(known.get(letter, letter)) for letter in axes)
            raise ValueError(f"{self.name}: {name} has shape {a.shape}, want ({want})")
        known[axes] = a.shape

    def _common(self, name, dtype, common):
        """The dtype that arrays share; a complex one may stand beside real ones."""
        if dtype.kind == "c":
            return common
        if common is not None and dtype != common:
            raise TypeError(f"{self.name}: {name} is {dtype}, others are {common}; they must be of one dtype")
        return dtype

    def _values(self, name, rule, a, known):
        if not a.size or on_device(a):  # where the host would have to wait; `make_batch` has looked at its ids
            return
        if rule.below:
            low, high, end = a.min(), a.max(), known[rule.below]
            if low < 0 or high >= end:
                wrong = low if low < 0 else high
                raise IndexError(f"{self.name}: {name} has {wrong}, want 0 to {rule.below} - 1 = {end - 1}")
        wrong = rule.check(a) if rule.check else ""
        if wrong:
            raise ValueError(f"{self.name}: {name} {wrong}")


def is_writeable(a: np.ndarray) -> bool:
    """Whether an array may be written to; those of a device always may."""
    return on_device(a) or a.flags.writeable


def is_a(what: str, dtype: np.dtype) -> bool:
    """Whether a dtype is what a rule says. uint64 is no id: next to an int64 NumPy makes float64 of it."""
    if what == "real":
        return dtype in REAL or dtype in COMPLEX
    if what == "integers":
        return dtype.kind in "iu" and dtype.isnative and dtype != np.uint64
    return dtype == np.dtype(what)


def kind_of(a: Any) -> str:
    """An argument in a word or two."""
    if type(a) not in KINDS and type(a) not in _views:
        return f"a {type(a).__name__}"
    return f"an array of {a.dtype}" + ("" if a.dtype.isnative else " (not of native byte order)")


def plain(name: str, a: Any, want: str = "an array") -> np.ndarray:
    """`a` as an array of exactly NumPy's own class, or CuPy's; a view if it is memory-mapped; TypeError for all else.

    Any other subclass may say of itself what is not so: a mask hides the entries that a loop will read, a matrix
    multiplies where an array goes element by element, and `max` or `shape` may be anybody's.
    """
    if type(a) in KINDS:
        return a
    if type(a) in _views:
        return a.view(np.ndarray)
    raise TypeError(f"{name} is {kind_of(a)}, want {want}")


@contextmanager
def taking(kind: type) -> Iterator[None]:
    """Inside a `with` block, take arrays of one more class as if they were plain; it must not hide what they hold."""
    _views.add(kind)
    try:
        yield
    finally:
        _views.discard(kind)


def as_array(name: str, a: Any) -> np.ndarray:
    """`plain`, but lists and numbers are made arrays first. Raises ValueError for lists of unequal lengths."""
    return plain(name, a if isinstance(a, np.ndarray) or type(a) in KINDS else np.asarray(a))


def integers(name: str, a: Any) -> np.ndarray:
    """`a` as a plain array of integers; TypeError if it is none."""
    a = plain(name, a, "an array of integers")
    if not is_a("integers", a.dtype):
        raise TypeError(f"{name} is {kind_of(a)}, want an array of integers")
    return a


def number(name: str, a: Any) -> None:
    """Raise unless `a` is a real number that a compiled loop can be handed: TypeError or ValueError."""
    if type(a) not in NUMBERS:
        raise TypeError(f"{name} is {kind_of(a)}, want a number")
    if type(a) in INTEGERS and abs(int(a)) > LARGEST:
        raise ValueError(f"{name} is an integer of more than 63 bits")


def at_least_0(name: str, a: Any) -> None:
    """Raise unless `a` is a finite number that is not negative."""
    number(name, a)
    if not 0 <= a < np.inf:
        raise ValueError(f"{name} is {a}, want a finite number that is not negative")


def expect(name: str, a: Any, *shape: int | str | None, dtypes: tuple[np.dtype, ...] = REAL + COMPLEX) -> None:
    """Raise unless `a` is an array of real or complex numbers of this shape: None is any length, SOME any but 0."""
    if type(a) not in KINDS or a.dtype not in dtypes:
        plain(name, a, "an array of floating-point numbers")
        if a.dtype not in dtypes:
            want = "real" if dtypes is REAL else "floating-point"
            raise TypeError(f"{name} is {kind_of(a)}, want an array of {want} numbers, in single or double precision")
    if a.shape != shape:
        fits = len(a.shape) == len(shape)
        for n, m in zip(shape, a.shape):  # noqa: B905 (it is slower, and this runs a hundred times a step)
            fits = fits and (n is None or n == m or (n is SOME and m > 0))
        if not fits:
            want = ", ".join("any" if n is None else str(n) for n in shape)
            raise ValueError(f"{name} has shape {a.shape}, want ({want})")
