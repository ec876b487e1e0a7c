"""What PostgreSQL alone needs of the records' database. Nothing here imports its driver."""
