"""The hot loops: each a NumPy definition with its Numba twin right under it.

In a twin each thread owns what it writes and adds up in a fixed order, so results do not depend on the number of
threads.
"""
