"""Files that are complete or not there, in folders that one process at a time writes to.

files       replace a file whole, build a folder once
locks       one process at a time
digest      checksums of arrays, JSON and files
checkpoint  named arrays and plain facts in one safetensors file
"""
