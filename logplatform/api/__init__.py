"""The HTTP API and its pages: routes over the uploads' room, thin, with one shape of errors.

What belongs here: HTTP. What does not: what the routes tell or do (`logplatform.uploads`, `logplatform.stores`).

Each module of routes has a `router`, and `app.ROUTERS` names it. A route that asks a store is a plain `def`: FastAPI
runs it on a thread, so that the event loop stays free. It is given what it needs as `served: Given` (`api.served`),
and refuses by raising `errors.Refused(status, "why")`.
"""
