"""The domain uploads: log files over HTTP or from an inbox, made searchable.

What belongs here: everything that is particular to uploaded log files. What does not: what other domains share.
"""
