"""Services that other packages share: database, caches, memory, background work, alerts."""
