"""The benchmark: how fast training is, what limits it, where the time goes; `python -m croco_np.bench`.

workloads   what is timed: sizes of known data sets, made-up ids
ours, peer  one step of ours, and the same step of PyTorch in a process of its own
place       where steps run and what tells their time: a processor and its clock, a GPU and its events
floor       the matrix products of a step and nothing else
measure     steps of all contenders in turns, so that a noisy machine is noisy for all of them
machine     rates of products and of memory, for the limits
phases      where a step's time goes
memory      peak memory of a process that does nothing else
device      memory of a GPU, and a line where it has no more
sweeps      one size varied
report      tables and JSON
"""
