"""Losses: functions of arrays that return (value, gradient). They know no models."""

from .bce import bce, row_weights
from .covariance import covariance

__all__ = ["bce", "covariance", "row_weights"]
