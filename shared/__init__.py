"""What dispatcher, worker and command line must agree on, and nothing else."""
