"""What all commands share: flags, one-line errors, progress bars, standard streams, Ctrl-C.

parser      `Parser`, and `status`: an error of the user's is one line and exit status 2
progress    bars
streams     text that any terminal can take
interrupts  Ctrl-C and SIGTERM end what is under way, and leave no file half-written
start       what has to be right before the libraries of a command load
"""

from .parser import Parser, status

__all__ = ["Parser", "status"]
