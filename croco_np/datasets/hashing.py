"""Numbers that look random and are always the same: for parts of a data set that do not depend on the order of rows."""

import numpy as np

_STEP = np.uint64(0x9E3779B97F4A7C15)


def mixed(keys: np.ndarray) -> np.ndarray:
    """64 bits (N,) for each integer (N,), near or far alike (SplitMix64: Steele, Lea and Flood, OOPSLA 2014)."""
    z: np.ndarray = keys.astype(np.uint64) + _STEP
    z = (z ^ (z >> 30)) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> 27)) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> 31)


def coin(keys: np.ndarray) -> np.ndarray:
    """A number in [0, 1) for each integer."""
    return (mixed(keys) >> 11) * 2.0**-53


def combined(columns: list[np.ndarray]) -> np.ndarray:
    """64 bits (N,) for each row of columns of integers (N,): equal for equal rows."""
    hashes = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        hashes = mixed(hashes ^ mixed(column))
    return hashes
