"""The compiled loop that draws surrogate logs."""
