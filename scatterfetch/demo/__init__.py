"""A high street of bookshops on 127.0.0.1, for `scatterfetch demo` to scrape."""
