"""Pictures of lesson 4: the matrix of all pairs and its blocks, experts while CovLoss drives them, a sample of rows."""

from .blocks import blocks
from .sampling import samples
from .training import fading

__all__ = ["blocks", "fading", "samples"]
