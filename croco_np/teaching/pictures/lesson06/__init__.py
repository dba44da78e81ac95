"""Pictures of lesson 6: the pairs that AUC counts, those inside a user, those inside and between domains."""

from .domains import areas
from .pairs import pairs_that_flip
from .users import shifted_user

__all__ = ["areas", "pairs_that_flip", "shifted_user"]
