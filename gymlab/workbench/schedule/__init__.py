"""Reports that cron makes. Each job has a file, a crontab line, and a log of its runs."""
