"""The kernels and what feeds them: series in lanes, side by side in the vectors of one processor core."""
