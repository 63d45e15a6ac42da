"""Reports that cron makes: a file for each job, a crontab line that starts it, a log that tells of its runs."""
