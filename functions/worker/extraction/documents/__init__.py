"""
A page as it can be looked into: its characters, its tree, its links, its texts.

Knows nothing of specs and of what values are. Start with `document`. Upwards: `encodings`,
`complexity`, `charset`, `links`, `srcset`; `lexbor` and `trees`, which are the parsers; `document`;
`element_text`.
"""
