"""One forward and backward pass of every layer, loss and model at blackboard size, wherever its arrays lie."""

import numpy as np

from croco_np.gradcheck.cases import layer_cases, loss_cases, model_cases
from croco_np.losses import LOSSES
from croco_np.models import MODELS
from croco_np.models.output import Output

GROUPS = {"layers": layer_cases, **{name: lambda n=name: loss_cases(n) for name in ("bce", *LOSSES)}}
GROUPS |= {name: lambda n=name: model_cases(n) for name in MODELS}


def cast(x, dtype):
    """The same value with its floating-point arrays in a precision."""
    if isinstance(x, np.ndarray):
        return x.astype(dtype) if x.dtype.kind == "f" else x
    if isinstance(x, dict):
        return {key: cast(part, dtype) for key, part in x.items()}
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(cast(part, dtype) for part in x))
    return type(x)(cast(part, dtype) for part in x) if isinstance(x, list | tuple) else x


def pulled(y):
    """A gradient for each array of an output, its own values: nothing that is lost stays unseen."""
    if isinstance(y, Output):
        return Output(*(None if tap is None else pulled(tap) for tap in y))
    if isinstance(y, tuple):
        return tuple(map(pulled, y))
    return y * 0.5


def run(draw, bring, dtype):
    layer, params, inputs = draw(np.random.default_rng(3))
    params, inputs = (bring(cast(x, dtype)) for x in (params, inputs))
    y, cache = layer.forward(params, *inputs)
    return y, layer.backward(cache, pulled(y))
