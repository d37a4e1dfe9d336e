"""
What people name to be scraped, made URL lists: files, URLs, standard input, sitemaps; and the specs
beside them. Knows nothing of where the lists are scraped. Start reading at `sources`.
"""
