"""Backup and restore of everything that the platform owns, taken while it runs.

What belongs here: what is saved in which order, and how it is brought back. What does not: the command line
(`logplatform.cli.backup`), and what the stores hold.
"""
