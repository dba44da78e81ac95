"""A layer called on copies: whatever it does to its arguments, the caller's stay as they are, and it is told."""

import copy
from typing import Any

import numpy as np

from ..tree import Tree, with_leaves
from .forms import FORWARD, Key, copied, each, kind, leaves, pair
from .kept import Kept
from .snapshot import KEYS, changed, snapshot

CALLERS = "it belongs to the caller"
TRACKED = "tracked(cache) must return {path: new value}"


class Guarded:
    """`forward` and `backward` of a layer at one point.

    breaches  {place: sentence} for every argument that was written into: "doutput", "cache", "W", "input 0", ...
    """

    def __init__(self, layer: Any, params: Tree, inputs: tuple) -> None:
        self.layer, self.caller = layer, (params, inputs)
        self.before = snapshot(self.caller)
        self.breaches: dict[str, str] = {}
        self.kept: dict[int, Kept] = {}
        self.cache: Any = None
        self.held: dict[tuple, Any] | None = None
        self._renew()

    def _renew(self):
        memo = {}
        params, inputs = self.caller
        self.restore()
        self.params, self.inputs = copy.deepcopy(params, memo), tuple(self._deep_copy(x, memo) for x in inputs)
        self.drop()

    def _deep_copy(self, x, memo):
        try:
            return copy.deepcopy(x, memo)
        except Exception:  # an open file, a lock: what cannot be copied is handed over itself, and mended afterwards
            self.kept.setdefault(id(x), Kept(x))
            return x

    def forward(self, moved: dict[Key, np.ndarray] | None = None) -> tuple:
        """(output, cache), with the arrays of `moved`, {leaf's key: array}, in the place of the point's."""
        moved = moved or {}
        params = with_leaves(self.params, {where: a for (group, where), a in moved.items() if group == "params"})
        inputs = tuple(moved.get(("input", i), x) for i, x in enumerate(self.inputs))
        output, cache = pair(self.layer.forward(params, *inputs), FORWARD)
        if not moved:
            self._look("forward", (params, inputs))
        return output, cache

    def hold(self, cache: Any) -> None:
        """Let `backward` start from this cache."""
        self.cache, self.held = cache, snapshot(cache)

    def drop(self) -> None:
        """Let `backward` start from a cache of its own: the one at hand is spoiled."""
        self.cache = self.held = None

    def stale(self) -> list[str]:
        """Where the cache is no longer what forward has returned."""
        return [] if self.held is None else [".".join(map(str, path)) for path in changed(self.cache, self.held)]

    def backward(self, doutput: Any) -> Any:
        """What backward returns for a copy of `doutput` and the cache of a forward at the point."""
        if self.held is None:
            self.hold(self.forward()[1])
        mine = each(copied, doutput)
        before = snapshot(mine)
        returned = self.layer.backward(self.cache, mine)
        if changed(mine, before):
            self.breaches["doutput"] = f"backward writes into doutput: {CALLERS}, who may need it again"
        places = self.stale()
        if not self._look("backward", (self.params, self.inputs)) and places:
            where = f" ({', '.join(places[:3])})" if any(places) else ""
            self.breaches["cache"] = f"backward writes into its cache{where}: a second call would start from that"
            self.drop()
        return returned

    def tracked(self) -> dict[str, Any]:
        """{path: new value} of the parameters that the layer tracks and does not train; {} for a layer without such."""
        if not callable(getattr(self.layer, "tracked", None)):
            return {}
        if self.held is None:
            self.hold(self.forward()[1])
        values = self.layer.tracked(self.cache)
        if not isinstance(values, dict):
            raise TypeError(f"{TRACKED}; it returned {kind(values)}")
        values = {path: copied(value) for path, value in values.items()}
        if not self._look("tracked", (self.params, self.inputs)) and self.stale():
            self.breaches["cache"] = "tracked writes into its cache: backward would start from that"
            self.drop()
        return values

    def restore(self) -> None:
        """Mend what a layer has written into objects that refuse to be copied."""
        for kept in self.kept.values():
            kept.restore()

    def look(self) -> None:
        """Notice what was written while leaves were moved."""
        self._look("forward", (self.params, self.inputs))

    def _look(self, who, handed):
        written = {self._label(path): path for path in changed(handed, self.before)}
        for label, (side, *_) in written.items():
            what = f"parameter {label}" if side == 0 and label != "params" else label
            self.breaches.setdefault(label, f"{who} writes into {what}: {CALLERS}")
        if written:
            self._renew()
        return written

    def _label(self, path):
        side, *path = (key for key in path if key != KEYS)
        if side == 0:
            return ".".join(map(str, path)) or "params"
        i, *rest = path
        floats = [place for _, place in leaves({}, self.caller[1])]
        return f"input {floats.index(i)}" if i in floats else ".".join([f"inputs[{i}]", *map(str, rest)])
