"""The demonstration: input that looks like real servers and machines, faults included, and what came of it.

What belongs here: making that input, the settings to read it with, and the summary at the end. What does not:
anything a domain needs on real input, and Dagster (the command `logplatform demo` runs the jobs).
"""
