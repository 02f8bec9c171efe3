"""All four domains on all servers at once, beside the same input without any server: every count must be the same.

What belongs here: what only the whole shows. What does not: single stores (`contracts`).
"""
