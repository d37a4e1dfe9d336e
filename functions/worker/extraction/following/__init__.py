"""
Links to follow: from the `follow` of a spec to the URLs of further targets.

Knows one page, and not which URLs were found before or how far a crawl may go. Start with `follow`;
each of the other modules finds links of one form. `link` says what a link is.
"""
