"""Sending what is due, one message after the other.

What belongs here: the loop and its bounds. What does not: which messages there are (`outbox`), one request (`post`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from logplatform.alerts.book import AlertBook
from logplatform.alerts.incident import Policy
from logplatform.alerts.message import headers
from logplatform.alerts.outbox import Outbox
from logplatform.alerts.post import post
from logplatform.failures import TransientFailure
from logplatform.landing.retry import RetryPolicy
from logplatform.settings.alerts import AlertsSettings

AGAIN = RetryPolicy(base_seconds=5, multiplier=2, max_seconds=900, jitter=0.25)
"""An unsent message is tried again for as long as it takes: the receiver may be away for days."""
KEEP = timedelta(days=30)
"""Closed incidents are kept so long."""
_SPARE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What one turn did: messages taken, and why the receiver did not take one (empty: it took all that was due)."""

    sent: int
    failure: str = ""


def dispatch(
    book: AlertBook, settings: AlertsSettings, late: Callable[[], bool], again: RetryPolicy = AGAIN
) -> Dispatched:
    """Send every message that is due, until `late`, or until the receiver fails once; then sweep the book.

    Without an address nothing is sent, and what is good again is closed. Safe beside others that do the same.
    """
    address, secret = settings.webhook_url, settings.secret
    if address is None or secret is None:
        book.sweep(None, KEEP)
        return Dispatched(0)
    policy = Policy.of(settings)
    book.sweep(policy, KEEP)
    outbox = Outbox(book.database, book.tenant, book.now)
    sent = 0
    lasting = timedelta(seconds=settings.timeout_seconds + _SPARE_SECONDS)
    while not late() and (message := outbox.claim(policy, lasting)) is not None:
        signed = headers(message.message_id, message.body, secret.get_secret_value(), book.now())
        try:
            post(address.get_secret_value(), message.body, signed, settings.timeout_seconds)
        except TransientFailure as failure:
            outbox.refused(message, str(failure), again.wait(message.attempts))
            return Dispatched(sent, str(failure))
        outbox.taken(message)
        sent += 1
    return Dispatched(sent)
