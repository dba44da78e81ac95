"""The systems of the paper by name.

A model has `init(rng)`, `forward(params, batch) -> (Output, cache)` and `backward(cache, dOutput) -> grads`;
`reads(batch)` says which rows of its tables forward will read. Some parameters may be tracked, not trained, such as
running means: their paths are in `running`, and `tracked(cache) -> {path: new value}` says what they become.
"""

from functools import partial

from .adasparse import AdaSparse
from .crocodile import Crocodile
from .hinet import HiNet
from .mmoe import MMoE
from .output import Output
from .pepnet import PEPNet
from .ple import PLE
from .shared_bottom import SharedBottom, SingleDomain
from .star import STAR
from .stem import STEM

MODELS = {
    "single_domain": SingleDomain.build,
    "shared_bottom": SharedBottom.build,
    "mmoe": MMoE.build,
    "me_mmoe": partial(MMoE.build, multi_embedding=True),
    "ple": PLE.build,
    "me_ple": partial(PLE.build, multi_embedding=True),
    "stem": STEM.build,
    "pepnet": PEPNet.build,
    "hinet": HiNet.build,
    "star": STAR.build,
    "adasparse": AdaSparse.build,
    "crocodile": Crocodile.build,
}
TAPS = {  # name -> what a loss can pull on, beside the logits; see `Output`
    "single_domain": (),
    "shared_bottom": (),
    "mmoe": ("experts", "gates"),
    "me_mmoe": ("experts", "gates"),
    "ple": ("gates",),  # a row runs through its own domain's experts and the shared ones only
    "me_ple": ("gates",),
    "stem": ("experts", "gates"),
    "pepnet": (),
    "hinet": ("experts",),
    "star": (),
    "adasparse": (),
    "crocodile": ("experts", "gates"),
}

__all__ = ["MODELS", "PLE", "STEM", "Crocodile", "HiNet", "MMoE", "Output", "PEPNet", "SharedBottom", "SingleDomain"]
__all__ += ["STAR", "TAPS", "AdaSparse"]
