"""What the rest stands on: database, caches, memory, background work, alerts."""
