"""A list of planted bugs, and what it takes to plant one."""

BUGS = {}  # name -> (function of a generator -> (working layer, broken layer, inputs), what else to know)
BOTH = ("complex step", "central differences")


def bug(name, **more):
    """Register a bug.

    hint    what the checker has to say of it, in part
    found   methods by which it is found: both, or "protocol" for a rule that is no matter of one gradient
    only_h  a bug of a gate that shows in its first output alone
    """
    return lambda plant: BUGS.setdefault(name, (plant, {"hint": "", "found": BOTH, "only_h": False} | more))


def drawn(rng, *shape):
    return rng.standard_normal(shape)


def broken(layer, backward=None, forward=None, tracked=None):
    """A copy of a layer (a frozen dataclass) with other methods.

    These are backward(layer, cache, dy), forward(layer, p, *inputs) and tracked(layer, cache).
    """
    kind = type(layer)
    methods = {"backward": backward, "forward": forward, "tracked": tracked}
    methods = {name: _method(layer, f) for name, f in methods.items() if f}
    return type(kind.__name__, (kind,), methods)(**{name: getattr(layer, name) for name in kind.__dataclass_fields__})


def _method(layer, f):
    return lambda self, *args: f(layer, *args)
