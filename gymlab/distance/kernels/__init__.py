"""The compiled loops of the distance engine: for many pairs in vectors, for one pair in float64, and for the GPU."""
