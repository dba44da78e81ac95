"""All experiments by name."""

from __future__ import annotations

from . import systems
from .experiment import Experiment

EXPERIMENTS = {
    "table2": Experiment(
        "Table 2: every system on KuaiRand",
        "all systems, in every domain and over all: AUC and gAUC",
        "kuairand",
        systems.collect,
        systems.present,
    ),
    "table3": Experiment(
        "Table 3: every system on AliCCP",
        "the same for AliCCP, simulated where its files are not at hand",
        "aliccp",
        systems.collect,
        systems.present,
    ),
}
