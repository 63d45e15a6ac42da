"""Pieces of work that are measured in a process of their own, so that its memory is theirs alone.

Each is a function of a module, so that a spawned process can import it, and each module imports only what its work
needs, so that no process is charged for the libraries of another.
"""
