"""Training: `loop` trains, `ahead` brings batches to a GPU, `results` measures and draws, `__main__` is the command."""
