"""What :mod:`gymlab.distance.distributed` stands on: tasks on a Dask cluster, rows, parts and graphs from them."""
