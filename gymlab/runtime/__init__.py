"""Services that other rooms share: database, caches, memory, background work, alerts."""
