"""Real servers on this machine, for tests and for trying: got, started, told, ended.

What belongs here: what knows how a server is got and run. What does not: what the platform does with it (the tests).
"""
