"""The gym: agents decide in scenarios, and every decision becomes an action of a log."""
