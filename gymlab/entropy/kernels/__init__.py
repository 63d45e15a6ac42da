"""The compiled loop for the entropy of a window that slides over an array."""
