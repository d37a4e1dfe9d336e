"""Jobs as the command line follows them: on this machine, in a folder, or in a stack."""
