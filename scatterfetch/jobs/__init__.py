"""
Jobs, wherever they run: where their data is, how they stand, and watching them to their end.

Knows neither the command line's arguments nor how anything is shown. Start reading at `place`.
"""
