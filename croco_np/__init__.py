"""Crocodile (Lin et al., arXiv 2405.12706) in NumPy, with every backward pass written by hand.

Import it before NumPy: it asks the thread pools to give way to each other, OpenBLAS for kernels that fit the CPU, and
the heap to keep its pages (`threads.py`, `heap.py`). What the user set wins; CROCO_NP_AS_IS=1 leaves all as it is.
"""

from .command import start
from .machine import heap, threads

start.prepare()
threads.prepare()
heap.keep_pages()

__version__ = "0.1.0"
