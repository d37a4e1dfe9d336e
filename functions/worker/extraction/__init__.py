"""
From a page to rows, as a spec says, here or in a process that can be killed.

Knows a fetched page, and nothing of jobs, queues or how pages are fetched. Start with `rows`. Each
floor imports only those below it: `extractor`, `process` and `reader`, `parsing`, `rows`;
`following`; `kinds`, `fields` and `readymade`; `structured`; `documents`; `values`.
"""
