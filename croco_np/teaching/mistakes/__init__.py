"""What comes out of an exercise if one makes a known mistake, and the sentence that names the mistake.

The checks of `exercises` look an answer that is wrong up among these, see `mistaken`. A module for each lesson in which
they are many; reading on spoils the exercises.
"""

from typing import Any

Mistake = tuple[Any, str]  # what an answer with the mistake has, what to tell who made it
