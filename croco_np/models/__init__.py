"""The systems of the paper by name.

A model has `init(rng)`, `forward(params, batch) -> (Output, cache)` and `backward(cache, dOutput) -> grads`.
"""

from functools import partial

from .crocodile import Crocodile
from .mmoe import MMoE
from .output import Output

MODELS = {
    "crocodile": Crocodile.build,
    "mmoe": MMoE.build,
    "me_mmoe": partial(MMoE.build, multi_embedding=True),
}

__all__ = ["MODELS", "Crocodile", "MMoE", "Output"]
