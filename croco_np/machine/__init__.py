"""The machine that training runs on: its processor, thread pools, heap, and speed.

cpu      cores and instructions
threads  environment variables that keep thread pools from fighting
heap     settings of malloc that keep freed memory for reuse
rates    measured speed of matrix products and of memory
"""
