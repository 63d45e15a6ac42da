"""The compiled loop behind entropies that slide over an array."""
