"""Where files come from: one Protocol, one module an implementation.

A source lists, fetches and removes; it knows no ledger and no domain.
"""
