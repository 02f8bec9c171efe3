"""Settings of the HTTP API: where it listens, who may ask, how much at once.

What belongs here: fields of the section `api`. What does not: which files are taken (`uploads`).
"""

import ipaddress
import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from logplatform.settings.base import Conflict, Real, Section, Whole, refuse

MIN_KEY_CHARACTERS = 8
_KEY = re.compile(r"[\x21-\x7e]+")


def _sendable(key: SecretStr) -> SecretStr:
    text = key.get_secret_value()
    if len(text) < MIN_KEY_CHARACTERS or not _KEY.fullmatch(text):
        message = f"a key has at least {MIN_KEY_CHARACTERS} characters, all of them printable ASCII without spaces"
        raise ValueError(message)
    return key


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def exposure_fault(host: str, *, with_key: bool) -> str | None:
    """Why the API must not listen on `host`: others could reach it, and nothing would ask them who they are."""
    if with_key or is_loopback(host):
        return None
    return f"{host} can be reached from other machines, and no API key is set; set api.api_key, or keep to 127.0.0.1"


class ApiSettings(Section):
    """The HTTP API and its pages."""

    enabled: bool = True
    """Off: `logplatform up` does not start the API."""
    host: Annotated[str, Field(min_length=1, max_length=255)] = "127.0.0.1"
    """Address the API binds to; any but this machine's own needs an API key."""
    port: Annotated[Whole, Field(ge=1, le=65_535)] = 5001
    """Port of the API."""
    api_key: Annotated[SecretStr, AfterValidator(_sendable)] | None = None
    """Asked for as soon as it is set; set it by LOGPLATFORM_API__API_KEY, not in the file."""
    threads: Annotated[Whole, Field(ge=1, le=64)] = 8
    """Large uploads that are taken at the same time; more wait, and take next to no memory."""
    questions: Annotated[Whole, Field(ge=1, le=64)] = 4
    """Questions to the index (searches, figures) that are at work at the same time; more wait."""
    question_timeout_seconds: Annotated[Real, Field(ge=1, le=3600)] = 30
    """A question that takes longer is given up, with an answer that says so."""
    body_timeout_seconds: Annotated[Real, Field(ge=1, le=3600)] = 60
    """A sender that sends nothing for so long is given up."""

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        fault = exposure_fault(self.host, with_key=self.api_key is not None)
        refuse([Conflict(("host",), fault)] if fault else [])
        return self
