"""One request to one page: connections, names, the answer as it is written, and what went wrong."""
