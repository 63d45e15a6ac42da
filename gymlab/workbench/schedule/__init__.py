"""Reports that cron makes: a file and a crontab line for each job, and a log of its runs."""
