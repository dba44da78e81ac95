"""What all tests begin with: threads that do not spin, Ctrl-C as in a terminal, and examples that repeat.

Hypothesis draws the same examples in every run, so a green suite stays green until the code changes.
"""

import signal

from hypothesis import settings

import croco_np

croco_np.tune()  # tests run two at a time: threads that spin would take each other's cores
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell without job control ignores it in the background,
    signal.signal(signal.SIGINT, signal.default_int_handler)  # and the commands that tests start would inherit that
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")
