"""
From a raw value, a text or a value of JSON, to a value of a type: numbers, prices, dates.

Pure: knows no page and no element. What a page says of how it writes, `evidence` is told. Start
with `conversion`. Upwards: `texts`, `unread` and tables of words; `numerals`, `dates`; `evidence`;
`conversion`.
"""
