"""The parts of `on_a_gpu.py`: a function of a `Place` that yields `Item`s, one for each line."""
