"""What is shown: results as tables, and a run while it goes on."""
