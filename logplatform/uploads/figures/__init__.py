"""Figures over the log index, each a pure function of the index and a period; every one can be counted by hand.

What belongs here: what the routes under /api/analytics, /api/dashboard, /api/performance and /api/fraud tell. What
does not: HTTP, and how the index counts (`stores.log_index`).
"""
