"""Layers: frozen dataclasses of sizes that own no arrays.

    layer.init(rng)             -> params                 dicts and lists of float64 arrays; layers in a row are a list
    layer.forward(params, *x)   -> output, cache          cache: what backward needs, parameters by reference
    layer.backward(cache, dy)   -> dinputs, grads         one entry per float input; grads has the tree of params
    layer.tracked(cache)        -> {path: new value}      where some are tracked, not trained; they have no gradient

Axis 0 is the sample and may have length 0. `dx` is the gradient of the objective with respect to `x`.
Letters: B rows, S domains, F fields, E embedding width, M experts, K expert output width, P prior width.
"""

from .attention import ScenarioAttention
from .domain import PerDomain, add_own, domain_ids, own
from .embedding import Embeddings
from .experts import Experts
from .extraction import Extraction
from .gate import ElementGate, ScalarGate
from .linear import Linear
from .logits import GateLogits
from .lookup import LookUpExperts
from .mlp import MLP, Dense, Tower
from .norm import PartitionedNorm
from .prune import Pruner
from .scale import GateUnit
from .star import Star

__all__ = ["MLP", "ElementGate", "Embeddings", "Experts", "Extraction", "Linear", "PerDomain", "ScalarGate", "Tower"]
__all__ += ["Dense", "GateLogits", "GateUnit", "LookUpExperts", "ScenarioAttention", "add_own", "domain_ids", "own"]
__all__ += ["PartitionedNorm", "Pruner", "Star"]
