"""The pieces of work that are measured, a module a domain; each function gets ready and returns what is then timed.

What belongs here: calls of the platform, and the bare loops they are held against. What does not: comparing. A
process imports the one module it needs, so that a bare loop carries none of ours.
"""
