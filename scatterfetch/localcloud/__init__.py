"""The deployed system on one machine, as template.yaml describes it."""
