"""A message's bytes become a ticket, or the reasons why they are none.

What belongs here: decoding one message by the rules of `ticket.py`. What does not: duplicates (`intake.py`), and what
happens to a refused message. No bytes raise.
"""

from typing import Annotated

import msgspec

from logplatform.tickets.ticket import (
    BROKEN,
    CLIENTS,
    EMPTY,
    FIELDS,
    MAX_REQUEST_CHARACTERS,
    NOT_AN_OBJECT,
    NOT_JSON,
    NOT_UTF8,
    PRIORITIES,
    REQUEST_TYPES,
    Field,
    Priority,
    RequestType,
    Ticket,
    instant_us,
    missing,
    not_text,
    uuid_key,
)

Reasons = tuple[str, ...]
# What `decode` raises.
UNDECODABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Wire(msgspec.Struct, gc=False):
    """A message that has the form of a ticket; `ticket_id`, `client_id` and `created_at` may be any text."""

    ticket_id: str
    client_id: str
    created_at: str
    request: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_REQUEST_CHARACTERS)]
    request_type: RequestType
    priority: Priority


decode = msgspec.json.Decoder(Wire).decode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode


def parse_ticket(raw: bytes) -> Ticket | Reasons:
    """The ticket in `raw`, or every reason why there is none (at least one, in the order of the fields)."""
    try:
        wire = decode(raw)
    except UNDECODABLE:
        return _reasons(raw)
    key, created = uuid_key(wire.ticket_id), instant_us(wire.created_at)
    # The decoder skips fields it does not know without looking at their bytes.
    if key is None or created is None or wire.client_id not in CLIENTS or not is_utf8(raw):
        return _reasons(raw)
    return Ticket(
        key,
        wire.ticket_id.lower(),
        wire.client_id,
        created,
        wire.created_at,
        wire.request,
        wire.request_type,
        wire.priority,
    )


def is_utf8(raw: bytes) -> bool:
    """Tell whether bytes are UTF-8."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _reasons(raw: bytes) -> Reasons:
    if not raw.strip():
        return (EMPTY,)
    if not is_utf8(raw):
        return (NOT_UTF8,)
    try:
        values = _decode_fields(raw)
    except msgspec.ValidationError:
        return (NOT_AN_OBJECT,) if _is_json(raw) else (NOT_JSON,)
    except UNDECODABLE:
        return (NOT_JSON,)
    found = (_reason(field, bytes(values.get(field, b"null"))) for field in FIELDS)
    return tuple(reason for reason in found if reason) or (NOT_JSON,)


def _is_json(raw: bytes) -> bool:
    try:
        msgspec.json.decode(raw, type=msgspec.Raw)
    except UNDECODABLE:
        return False
    return True


def _reason(field: Field, value: bytes) -> str | None:
    value = value.strip()
    if value == b"null":
        return missing(field)
    if not value.startswith(b'"'):
        return not_text(field)
    try:
        text = _decode_text(value)
    except UNDECODABLE:
        return NOT_JSON
    return None if _holds(field, text) else BROKEN[field]


def _holds(field: Field, text: str) -> bool:
    match field:
        case "ticket_id":
            return uuid_key(text) is not None
        case "client_id":
            return text in CLIENTS
        case "created_at":
            return instant_us(text) is not None
        case "request":
            return 1 <= len(text) <= MAX_REQUEST_CHARACTERS
        case "request_type":
            return text in REQUEST_TYPES
        case "priority":
            return text in PRIORITIES
