"""The benchmark of the distance engine: one run, programs in turns, ratios with their spread."""
