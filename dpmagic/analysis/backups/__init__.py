"""What analyses of backups over time share: jobs by the run they are of, schedules by policy, snapshots by instance."""
