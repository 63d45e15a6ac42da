"""The compiled loops of clustering: passes over a condensed matrix, and trees built from one."""
