"""Hypothesis draws the same examples in every run, so a green suite stays green until the code changes."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")
