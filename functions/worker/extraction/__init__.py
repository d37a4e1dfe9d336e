"""From a page to rows: its characters, its tree, its values, and the process that reads them."""
