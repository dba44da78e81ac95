"""Folders of runs: what a run writes down, and how it is read back.

folder   the files of a run, and the lock of who trains it
packing  the state of training <-> arrays of a checkpoint
state    all that changes while training
saved    the best weights with all that they belong to
"""
