"""The operator's command line and the local cloud; never deployed."""
