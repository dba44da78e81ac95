"""The hot loops: each a NumPy definition with its Numba twin right under it.

In a twin each thread owns what it writes and adds up in a fixed order, so results do not depend on the number of
threads. The same holds of the twins for an NVIDIA GPU, in the room `cuda`, where each file has the name of the one with
the definitions.
"""
