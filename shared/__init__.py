"""
What dispatcher, worker and command line must agree on, and nothing else.

Knows none of the three. `messages`, `spec` and `outcomes` are what travels; `ids`, `keys`,
`receipts`, `manifest` and `ledger` are a job; only `store` speaks S3, and only `queue` SQS.
"""
