"""Settings of the alerts: where they are sent, how they are signed, how many there are.

What belongs here: fields of the section `alerts`. What does not: what an alert is about (`orchestration.alerts`), and
sending it (`logplatform.alerts`).
"""

import base64
import binascii
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from logplatform.settings.base import Conflict, Real, Seconds, Section, refuse

MIN_SECRET_CHARACTERS = 16
ENCODED = "whsec_"
"""A secret that begins so is the base64 of its bytes (https://www.standardwebhooks.com/); any other is text."""

Severity = Literal["warning", "error"]


def _address(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        message = f"not an address: {error}"
        raise ValueError(message) from error
    if parts.scheme not in ("http", "https") or not host or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("an address begins with http:// or https:// and names a host, in ASCII without spaces")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a user or password in an address is not sent; leave it out, the signature tells who sends")
    return url


def _key(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if len(text) < MIN_SECRET_CHARACTERS:
        message = f"a secret has at least {MIN_SECRET_CHARACTERS} characters"
        raise ValueError(message)
    if text.startswith(ENCODED):
        try:
            base64.b64decode(text.removeprefix(ENCODED), validate=True)
        except binascii.Error as error:
            message = f"what follows {ENCODED} is not base64"
            raise ValueError(message) from error
    return secret


class AlertsSettings(Section):
    """Alerts: one message to a webhook for what needs somebody, and one when it is good again."""

    webhook_url: Annotated[SecretStr, AfterValidator(_address)] | None = None
    """Where messages are posted; left out: none are sent. Set it by LOGPLATFORM_ALERTS__WEBHOOK_URL, not in the file:
    such an address often holds a key."""
    secret: Annotated[SecretStr, AfterValidator(_key)] | None = None
    """Key of the messages' signature (HMAC-SHA256); set it by LOGPLATFORM_ALERTS__SECRET, not in the file."""
    min_severity: Severity = "warning"
    """warning: everything; error: only what stops work."""
    group_seconds: Seconds = 30
    """A first message waits so long, so that many failures of one kind are one message."""
    repeat_seconds: Seconds = 4 * 3600
    """What is still not good is told again after so long; 0: never."""
    timeout_seconds: Annotated[Real, Field(ge=1, le=30)] = 10
    """A receiver that has not answered by then has failed; it is tried again later."""

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if self.webhook_url is not None and self.secret is None:
            message = "needed to sign the messages to webhook_url; any text of 16 characters or more"
            refuse([Conflict(("secret",), message)])
        return self
