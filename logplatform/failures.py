"""The types of failure that every part of logplatform raises on purpose.

What belongs here: exceptions whose type decides what happens next (retry, give up, take over). What does not:
bad records and bad files, which are results (dead letters, quarantine) and never exceptions.
"""


class LogplatformError(Exception):
    """A failure with a message fit for a person: it names the thing, the place and the reason."""


class PermanentFailure(LogplatformError):
    """Trying again cannot help (authentication, missing file, permission, bad configuration): never retried."""


class TransientFailure(LogplatformError):
    """Trying again later may help (connection lost, server busy, file still growing): retried with backoff."""


class LeaseLost(TransientFailure):
    """Another process has taken over the work: nothing of this holder may be committed any more."""


class LeaseHeld(TransientFailure):
    """Somebody else is at this work just now; it is left to them."""


class Unreachable(TransientFailure):
    """A whole source or store cannot be reached: nothing of it can be told, good or bad."""


class Conflict(TransientFailure):
    """What a change was built on has changed meanwhile: build it again."""
