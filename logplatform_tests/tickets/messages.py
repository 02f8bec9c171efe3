"""Messages that the tests of this domain are made of."""

import json
import uuid

TICKET = {
    "ticket_id": "98fafb1f-0416-47c6-b23e-d56332cd3f79",
    "client_id": "CLIENT_0042",
    "created_at": "2026-11-22T10:00:00+00:00",
    "request": "Unable to reset password",
    "request_type": "account",
    "priority": "high",
}


def message(**changes: object) -> bytes:
    """A valid message with some fields changed; a field set to `...` is left out."""
    return json.dumps({name: value for name, value in (TICKET | changes).items() if value is not ...}).encode()


def numbered(number: int, **changes: object) -> bytes:
    """The valid message of a number: each number has its own ticket_id."""
    return message(ticket_id=str(uuid.UUID(int=number)), **changes)
