"""croco_np comes before NumPy, as it asks for; Hypothesis draws the same examples in every run, so a green suite stays
green until the code changes."""

import croco_np  # noqa: F401, I001
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")
