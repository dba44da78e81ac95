"""Training: `loop` first, `folder` keeps it on disk, `results` measures and draws it, `__main__` is the command line."""
