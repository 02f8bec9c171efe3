"""Side-by-side runs that print ratios: ours against a named baseline, in one run on one machine.

What belongs here: inputs, runs and the table. What does not: tests (`logplatform_tests`), and the figures
measured (docs/benchmarks.md).
"""
