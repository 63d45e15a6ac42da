"""Patterns: windows clustered by exact DTW, their quality, and the entropy of choices."""
