"""What a user says of a table: which column is what, and how the rows are divided; and whether that can be."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real

from ..errors import OptionError
from .table_split import SPLITS
from .values import KINDS


@dataclass(frozen=True)
class Options:
    """Which column of a table is what, and how its rows are divided; see `from_columns`.

    label_apart  whether the clicks were given beside the table: `label` is then a name that no user knows of
    """

    label: str
    user: str
    item: str
    domain: str
    time: str | None = None
    fields: Sequence[str] | None = None
    split: str | None = None
    valid_share: float = 0.1
    test_share: float = 0.1
    train_until: float | str | None = None
    valid_until: float | str | None = None
    min_count: int = 10
    seed: int = 0
    name: str = "table"
    context: Sequence[str] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    drop_duplicates: bool = False
    label_apart: bool = False

    @property
    def label_called(self) -> str:
        """The clicks, as messages call them."""
        return "the label" if self.label_apart else self.label

    def count_of_labels(self, n: int) -> str:
        """Words on how many clicks there are, for columns that have another number of rows."""
        return f"there are {n:,} labels" if self.label_apart else f"{self.label} has {n:,}"

    @property
    def shares(self) -> tuple[float, float]:
        """Shares of the validation and of the test rows."""
        return self.valid_share, self.test_share

    @property
    def how(self) -> str:
        """The way rows are divided."""
        return self.split or ("time" if self.time else "random")

    def seen(self, there: Sequence[str]) -> tuple[str, ...]:
        """The columns that the model sees, of those that are there."""
        if self.fields is None:
            return tuple(name for name in there if name not in (self.label, self.time))
        first = [name for name in (self.user, self.item) if name not in self.fields]
        return (*first, *self.fields, *([self.domain] if self.domain not in self.fields else []))

    def check(self, there: Sequence[str]) -> None:
        """Raise OptionError unless the options go together, and name columns that are there."""
        roles = {"label": self.label, "user": self.user, "item": self.item, "domain": self.domain, "time": self.time}
        self._check_types(roles)
        roles = {role: name for role, name in roles.items() if name is not None}
        wanted = [*roles.items(), *(("fields", name) for name in self.seen(there))]
        wanted += [("context", name) for name in self.context] + [("kinds", name) for name in self.kinds]
        for role, name in wanted:
            if name not in there:
                known = [other for other in there if not self.label_apart or other != self.label]
                what = f"no column {name!r}{_did_you_mean(name, known)}; there are: {_listed(known)}"
                raise _wrong(role, what)
        names = list(roles.values())
        if twice := [name for name in names if names.count(name) > 1]:
            both = [role for role, name in roles.items() if name == twice[0]]
            raise OptionError(
                lambda called: f"{' and '.join(map(called, both))} are one column, {twice[0]!r}; each needs its own"
            )
        seen = self.seen(there)
        if twice := [name for name in seen if seen.count(name) > 1]:
            raise _wrong("fields", f"{twice[0]!r} is there twice")
        if self.label in seen:
            raise _wrong("fields", f"{self.label!r} is the label; a model that sees it learns nothing")
        if outside := [name for name in self.context if name not in seen]:
            raise _wrong("context", f"{outside[0]!r} is none of the fields")
        if wrong := [kind for kind in self.kinds.values() if kind not in KINDS]:
            raise _wrong("kinds", f"{wrong[0]!r} is none of {', '.join(KINDS)}")
        self._check_split()

    def _check_types(self, roles):
        for role, name in roles.items():
            if not isinstance(name, str) and (name is not None or role != "time"):
                raise _wrong(role, f"want the name of a column, got {name!r:.40}")
        for option in ("fields", "context"):
            names = getattr(self, option)
            if names is not None and (not _is_list(names) or not all(isinstance(name, str) for name in names)):
                raise _wrong(option, f"want a list of names, got {names!r:.40}")
        for option in ("valid_share", "test_share"):
            if not _is_number(getattr(self, option), Real):
                raise _wrong(option, f"want a number, got {getattr(self, option)!r:.40}")
        for option in ("min_count", "seed"):
            if not _is_number(getattr(self, option), Integral):
                raise _wrong(option, f"want a whole number, got {getattr(self, option)!r:.40}")

    def _check_split(self):
        until = [name for name in ("train_until", "valid_until") if getattr(self, name) is not None]
        if self.how not in SPLITS:
            raise _wrong("split", f"choose one of {', '.join(SPLITS)}", f"{self.how!r:.40}")
        if self.how == "time" and not self.time:
            raise OptionError(lambda called: f"{called('split')} time: needs the column of times, {called('time')}")
        if until and self.how != "time":
            raise OptionError(
                lambda called: f"{called(until[0])}: is for a split by time; {called('time')} names its column"
            )
        for name in ("valid_share", "test_share"):
            if not 0 <= getattr(self, name) < 1:
                raise _wrong(name, "must be at least 0 and less than 1", getattr(self, name))
        if sum(self.shares) >= 1:
            valid, test = self.shares
            raise OptionError(
                lambda called: f"{called('valid_share')} {valid}, {called('test_share')} {test}: leave no training rows"
            )
        if self.min_count < 1:
            raise _wrong("min_count", "must be at least 1", self.min_count)


def _is_list(names):
    return not isinstance(names, (str, bytes, Mapping)) and hasattr(names, "__len__") and hasattr(names, "__iter__")


def _is_number(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool)


def _wrong(option, what, value=""):
    """The error of one option, with its value if that is at fault."""
    return OptionError(lambda called: f"{called(option)}{f' {value}' if value != '' else ''}: {what}")


def _did_you_mean(name, there):
    close = difflib.get_close_matches(str(name), there, n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def _listed(names):
    """Names for a message, not too many of them."""
    return (", ".join(names[:30]) or "none") + (f" and {len(names) - 30} more" if len(names) > 30 else "")
