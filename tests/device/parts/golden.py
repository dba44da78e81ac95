"""Part 4: the golden files, written with PyTorch in float64: outputs, gradients and ten steps of both optimisers.

The tolerance is that of `tests/test_golden.py`, relative to the largest entry of each array.
"""

from collections.abc import Iterator

import numpy as np
from golden.files import FOLDER, TOLERANCE, Golden, load, part

from croco_np.losses import LOSSES, bce
from croco_np.models import MODELS
from croco_np.optim import OPTIMISERS

from ..moved import back, moved
from .item import Found, Item, Place, furthest


def golden(place: Place) -> Iterator[Item]:
    for path in sorted(FOLDER.glob("systems/*.npz")):
        if load(f"systems/{path.name}")[0]["system"] in place.systems:
            yield Item(path.stem, lambda file=path.stem: system(place, file), TOLERANCE)
    if set(place.systems) == set(MODELS):
        for path in sorted(FOLDER.glob("losses/*.npz")):
            yield Item(f"loss {path.stem}", lambda file=path.name: loss(place, file), TOLERANCE)


def system(place: Place, file: str) -> Found:
    """The worst of a file, and in which of its questions."""
    held, worst = Golden(file, place.gpu.bring), Found(0.0)
    questions = {"outputs": held.outputs, "objectives": held.objectives}
    questions |= {name: lambda name=name: held.steps(name) for name in OPTIMISERS}
    for question, ask in questions.items():
        for ours, theirs in ask():
            worst = worse(worst, furthest(as_arrays(ours), theirs), question)
    return worst


def loss(place: Place, file: str) -> Found:
    """Values and gradients of one loss under all arguments of its file."""
    about, arrays = load(f"losses/{file}")
    inputs, worst = moved(arrays.inputs, place.gpu), Found(0.0)
    function = LOSSES[about["loss"]].loss if "loss" in about else bce
    for i, arguments in enumerate(about.get("calls", [{}])):
        value, *gradients = function(**inputs, **arguments)
        ours = as_arrays({"value": value, **dict(zip(inputs, gradients, strict=False))})
        of_all = part(arrays.gradients, f"{i}/") or {"z": arrays.gradients[str(i)]}  # of bce's labels there is none
        theirs = {"value": arrays.values[str(i)], **of_all}
        worst = worse(worst, furthest(ours, theirs), f"call {i}")
    return worst


def as_arrays(ours: dict) -> dict:
    return {name: np.asarray(x) for name, x in back(ours).items()}


def worse(worst: Found, found: Found, where: str) -> Found:
    return worst if found.figure <= worst.figure else Found(found.figure, f"{where}: {found.where}")
