"""The machine that training runs on: its processor, thread pools, heap, and speed.

cpu      cores and instructions
threads  environment variables that keep thread pools from fighting
heap     settings of malloc that keep freed memory for reuse
tuning   `tune` makes these settings, `hint` says when it would pay
rates    measured speed of matrix products and of memory
watch    how time is read: the processor's clock, or events in the stream of a GPU
gpu      measured speed of a GPU
"""
