"""The domain tickets: messages of a topic become enriched tables, each ticket once.

What belongs here: what a ticket is, and how messages become tables. What does not: the message log and the tables'
manifest (`logplatform.stores`), and printing (`logplatform.cli`).
"""
