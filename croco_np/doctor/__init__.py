"""What is wrong on this machine or slows training down, and what to change: `python -m croco_np.doctor`.

facts      what the system and the libraries say of themselves
libraries  which of them can be loaded
room       what is left on the disk and in memory
rates      what a stopwatch says
gpu        the same of the GPU, if there is one
advice     what follows from all of them; gpu_advice: of the GPU
Facts and rates are plain data, as written to JSON; advice is a function of them.
"""
