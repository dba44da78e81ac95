"""Hypothesis draws the same examples in every run, so a green suite stays green until the code changes."""

from hypothesis import settings

import croco_np

croco_np.tune()  # tests run two at a time: threads that spin would take each other's cores
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")
