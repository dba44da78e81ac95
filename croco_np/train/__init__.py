"""Training: `loop` trains, `folder` keeps it on disk, `results` measures and draws, `__main__` is the command line."""
