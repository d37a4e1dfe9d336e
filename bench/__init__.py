"""What it costs: see docs/performance.md."""
