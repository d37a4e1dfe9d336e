"""What others do with the same pages; run in an environment of their own, see bench/worker.py."""
