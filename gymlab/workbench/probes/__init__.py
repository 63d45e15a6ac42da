"""Work that is measured in a new process, so that the process has only the memory of this work.

A spawned process imports each function by its name. Each module imports only what its work needs, so that the memory of
other libraries does not count.
"""
