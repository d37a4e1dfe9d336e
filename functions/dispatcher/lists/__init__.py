"""URL lists as people have them, read as a stream: texts, tables, sitemaps, packed or not."""
