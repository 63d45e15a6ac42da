"""Temporal patterns: the windows of a log clustered by exact DTW, and how far these clusters can be trusted."""
