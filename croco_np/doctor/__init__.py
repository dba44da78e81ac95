"""What slows training down on this machine, and what to change: `python -m croco_np.doctor`.

facts   what the system and the libraries say of themselves
rates   what a stopwatch says
advice  what follows from both
Facts and rates are plain data, as written to JSON; advice is a function of them.
"""
