"""Pictures of lesson 3: two shares and their mixture, what each gate can reach, gates that learn, broken backwards."""

from .bugs import two_tests
from .plane import reach
from .shares import two_shares
from .training import learning

__all__ = ["learning", "reach", "two_shares", "two_tests"]
