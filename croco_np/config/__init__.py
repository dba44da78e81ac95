"""Every setting of a run.

config  `Config`, a frozen dataclass: its sizes are collected from the systems; recipes, rows of Table 5
flags   the command line that is generated from it
"""

from .config import ABLATIONS, DATASETS, MAY_CHANGE, RECIPES, Config, lasting, named, sizes_of_all

__all__ = ["ABLATIONS", "DATASETS", "MAY_CHANGE", "RECIPES", "Config", "lasting", "named", "sizes_of_all"]
