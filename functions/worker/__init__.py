"""The worker: takes one batch, fetches its pages, commits one object."""
