"""Raw bytes made safe: publishing, the ledger, leases, dead letters, retries, redaction, retention.

What belongs here: what all domains share between a source and their own parsing. What does not: any domain's rules.
"""
