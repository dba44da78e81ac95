"""The systems of the paper by name.

A new system is a class in a file of its own, made as `System` says, and a line in `MODELS`: its flags, gradient checks,
diagnostics and counts follow from there. These are definitions, which read like their figures; `fastest(model)` is the
twin that training runs, where there is one (`models.twins`).
"""

from .adasparse import AdaSparse
from .crocodile import Crocodile
from .hinet import HiNet
from .mmoe import MEMMoE, MMoE
from .output import Output
from .pepnet import PEPNet
from .ple import MEPLE, PLE
from .shared_bottom import SharedBottom, SingleDomain
from .star import STAR
from .stem import STEM
from .system import System
from .twins import fastest

MODELS: dict[str, type[System]] = {
    "single_domain": SingleDomain,
    "shared_bottom": SharedBottom,
    "mmoe": MMoE,
    "me_mmoe": MEMMoE,
    "ple": PLE,
    "me_ple": MEPLE,
    "stem": STEM,
    "pepnet": PEPNet,
    "hinet": HiNet,
    "star": STAR,
    "adasparse": AdaSparse,
    "crocodile": Crocodile,
}

__all__ = ["MEPLE", "MODELS", "PLE", "STAR", "STEM", "AdaSparse", "Crocodile", "HiNet", "MEMMoE", "MMoE", "Output"]
__all__ += ["PEPNet", "SharedBottom", "SingleDomain", "System", "fastest"]
