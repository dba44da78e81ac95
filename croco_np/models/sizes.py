"""The sizes that several systems have, described once, and the check of those that a system is built with.

Defaults are not here: they stand in the signature of each system's `build`. Options of one system stand in its class.
"""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import TypeVar

from ..options import Option, check_value, plain

Build = TypeVar("Build", bound=Callable)
WIDEST = 2**16  # of a layer: with what can be multiplied by it here, an array still has less than 2^63 bytes
MOST_PARTS = 1000  # experts and the like: each is built and walked through one by one

# A run may set these for any system, as a comparison of systems does; one without experts has no use for `n_experts`.
COMMON = {
    "embedding_width": Option("width E of one field's embedding", low=1, high=WIDEST),
    "embedding_std": Option("standard deviation of the initial embeddings", low=0),
    "n_experts": Option("number M of experts, and of embedding tables", low=1, high=MOST_PARTS),
    "expert_sizes": Option("widths of an expert's layers; the last is K", low=1, high=WIDEST),
    "tower_sizes": Option("widths of a tower's hidden layers", low=1, high=WIDEST, empty=True),
    "prior_width": Option("width of one prior embedding (Eq. 9)", low=1, high=WIDEST),
}
# Of systems that part their experts into those of a domain and shared ones: they name these among their `options`.
SPECIFIC_AND_SHARED = {
    "n_specific": Option("experts of each domain's own", low=1, high=MOST_PARTS),
    "n_shared": Option("experts shared by all domains", low=1, high=MOST_PARTS),
}
# Of systems with gates of MMoE's kind, and of HiNet for the gate of its attention.
HIDDEN_OF_GATES = {
    "gate_sizes": Option("widths of a gate's hidden layers; none: one linear layer", low=1, high=WIDEST, empty=True)
}


def checked(build: Build) -> Build:
    """Decorate a system's `build`: the sizes it is given must be within the limits of their options.

    Raises `OptionError`, a ValueError that names the keyword. Unknown keywords are left to Python's own TypeError.
    """
    keywords = keywords_of(build)

    @wraps(build)
    def checked_build(cls, *schema, **sizes):
        for name in [name for name in sizes if name in keywords]:
            value = sizes[name]
            sizes[name] = tuple(map(plain, value)) if isinstance(value, list) else plain(value)
            check_value(name, keywords[name].annotation, sizes[name], cls.option(name))
        return build(cls, *schema, **sizes)

    return checked_build  # type: ignore[return-value]  # of the same keywords, as `wraps` says


def keywords_of(build: Callable) -> dict[str, Parameter]:
    """The keyword-only parameters of a function, by name."""
    return {name: p for name, p in signature(build).parameters.items() if p.kind == Parameter.KEYWORD_ONLY}
