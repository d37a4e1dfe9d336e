"""Python parsers of the tests, in the place of those in functions/worker/parsers."""
