"""The compiled loops of the distance engine: many pairs at once in vectors, one pair in float64, and the GPU's."""
