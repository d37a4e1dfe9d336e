"""
What jobs have left behind, and tables made of it: `scatterfetch results`.

The files are read more than once, first for what must be known of all records (the columns), then
to write them, so that memory holds one outcome at a time however many there are. Nothing here
knows the command line; the terminal and the exit status are the caller's. Start at `table`.
"""
