"""Keeps pytest's search for doctests out of `make.py`, which needs PyTorch."""

collect_ignore = ["make.py"]
