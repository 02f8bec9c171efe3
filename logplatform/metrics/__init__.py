"""Metrics: where everything stands, in numbers that a monitoring system collects.

What belongs here: the list of metrics (`catalogue`), measuring each store (`stored`, `files`, `uploads`, `tickets`,
`daemon`, `incidents`) and putting it together (`collector`). What does not: the route (`api.metrics`), and alerts
(`logplatform.alerts`).

Everything is measured when it is asked for, from the stores themselves: a restart forgets nothing, and work is counted
whoever does it, a run, a worker or a command. The databases count, over indexes, so the cost does not grow with the
size of files; the result is kept for some seconds.
"""
