"""What :mod:`gymlab.distance.cuda` stands on: the device, its kernels, tiles of work, and edges of a graph."""
