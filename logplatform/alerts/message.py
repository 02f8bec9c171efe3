"""The message about an incident, and its signature.

What belongs here: the payload's form and the headers. What does not: when it is due (`incident`), sending (`post`).

Signed as Standard Webhooks says (https://www.standardwebhooks.com/, version 1): `webhook-id` stays the same however
often a message is tried, so a receiver that keeps the ids it has seen takes each message once; `webhook-timestamp` is
the second of the attempt, so that one who has recorded a request cannot send it again later; `webhook-signature` is
`v1,` and the base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>`.
"""

import base64
import hashlib
import hmac
import json
import socket
from datetime import datetime
from importlib.metadata import version

from logplatform.alerts.incident import Incident, MessageStatus
from logplatform.settings.alerts import ENCODED

_HEADS: dict[MessageStatus, str] = {"firing": "ALERT", "resolved": "RESOLVED"}


def compose(incident: Incident, status: MessageStatus, message_id: str, tenant: str) -> bytes:
    """The payload, a JSON object in UTF-8.

    `count` is how many failures there were, or how many things are concerned; times are ISO 8601 in UTC; `text` is
    all of it in a few lines, which chat services show as it is.
    """
    told = {
        "version": 1,
        "id": message_id,
        "status": status,
        "incident": incident.id,
        "severity": incident.severity,
        "tenant": tenant,
        "domain": incident.domain,
        "kind": incident.kind,
        "reason": incident.reason,
        "title": incident.title,
        "count": incident.events,
        "first_at": incident.first_at.isoformat(),
        "last_at": incident.last_at.isoformat(),
        "resolved_at": incident.resolved_at.isoformat() if incident.resolved_at else None,
        "sample": list(incident.sample),
        "recovery": incident.recovery,
        "host": socket.gethostname(),
        "text": _text(incident, status),
    }
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")


def headers(message_id: str, body: bytes, secret: str, now: datetime) -> dict[str, str]:
    """The headers of one attempt."""
    timestamp = int(now.timestamp())
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": f"logplatform/{version('logplatform')}",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message_id, timestamp, body),
    }


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature over `<id>.<timestamp>.<body>`; a secret that begins with `whsec_` is base64 after that."""
    key = base64.b64decode(secret.removeprefix(ENCODED)) if secret.startswith(ENCODED) else secret.encode()
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _text(incident: Incident, status: MessageStatus) -> str:
    lines = [f"{_HEADS[status]} {incident.domain}: {incident.title} ({incident.severity}, {incident.events:,})"]
    if status == "firing":
        lines += [f"- {line}" for line in incident.sample]
        lines += [incident.recovery] if incident.recovery else []
    return "\n".join(lines)
