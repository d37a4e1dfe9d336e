"""What a first spec may take from a page: its rows and fields."""
