"""Policies that every domain shares: retry, retention, limits of landing, batches, redaction.

What belongs here: settings of `landing/` and of batches. What does not: what one domain alone needs (`archives`,
`machines`), and the mechanisms themselves (`logplatform.landing`).
"""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from logplatform.landing.redaction import Action, Redactor
from logplatform.landing.retry import RetryPolicy
from logplatform.settings.base import Conflict, Days, Positive, Real, Seconds, Section, Share, Whole, refuse

GIB = 1024**3
MIB = 1024**2


class RetrySettings(Section):
    """How often and how late a failed step is tried again; permanent failures are never retried."""

    max_retry_copy: Annotated[Whole, Field(ge=0, le=1000)] = 3
    """Retries of fetching a file from its source."""
    max_retry_extract: Annotated[Whole, Field(ge=0, le=1000)] = 3
    """Retries of extracting or deriving what was landed."""
    retry_delay_base: Seconds = 60
    """Seconds before the first retry."""
    retry_delay_multiplier: Annotated[Real, Field(ge=1, le=100)] = 2
    """Each further wait is the one before times this."""
    retry_delay_max: Seconds = 3600
    """No wait is longer, jitter apart; seconds."""
    retry_jitter: Share = 0.25
    """Up to this share of the wait is added at random, so that many failures do not return at once."""

    @model_validator(mode="after")
    def _delays_in_order(self) -> Self:
        if self.retry_delay_max < self.retry_delay_base:
            message = f"shorter than retry_delay_base ({self.retry_delay_base:g})"
            refuse([Conflict(("retry_delay_max",), message)])
        return self

    def copying(self) -> RetryPolicy:
        """The policy for fetching; the first attempt is not a retry."""
        return self._policy(self.max_retry_copy + 1)

    def extracting(self) -> RetryPolicy:
        """The policy for extracting or deriving; the first attempt is not a retry."""
        return self._policy(self.max_retry_extract + 1)

    def _policy(self, attempts: int) -> RetryPolicy:
        delays = (self.retry_delay_base, self.retry_delay_multiplier, self.retry_delay_max)
        return RetryPolicy(attempts, *delays, self.retry_jitter)


class RetentionSettings(Section):
    """How long bytes are kept. Ledger rows are never forgotten, so cleaned files are not collected again."""

    processed_days: Days = 30
    """Days to keep what is delivered."""
    error_days: Days = 90
    """Days to keep what failed, with its reasons."""
    tmp_days: Days = 7
    """Days to keep half-written files of dead runs."""


class LandingSettings(Section):
    """Raw bytes made safe: limits, retention and the disk guard."""

    max_line_bytes: Annotated[Whole, Field(ge=1024, le=64 * MIB)] = MIB
    """A line or record over this is a dead letter; bytes."""
    disk_space_threshold_gb: Annotated[Real, Field(ge=0)] = 10
    """Below this much free space (GiB) collection pauses and cleaning starts; 0 switches the guard off."""
    disk_space_target_gb: Annotated[Real, Field(ge=0)] = 20
    """Cleaning stops once this much is free; GiB."""
    retention: RetentionSettings = RetentionSettings()

    @model_validator(mode="after")
    def _target_above_threshold(self) -> Self:
        if self.disk_space_target_gb < self.disk_space_threshold_gb:
            message = f"below disk_space_threshold_gb ({self.disk_space_threshold_gb:g})"
            refuse([Conflict(("disk_space_target_gb",), message)])
        return self


class BatchSettings(Section):
    """What a sensor may propose at once."""

    max_files: Annotated[Whole, Field(ge=1, le=100_000)] = 1000
    """Files in one batch."""
    max_bytes: Positive = 4 * GIB
    """Bytes in one batch; a single larger file makes a batch of its own."""
    tick_seconds: Annotated[Real, Field(gt=0, le=50)] = 30
    """Time budget of one sensor tick, below Dagster's 60 s; seconds."""


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        message = f"not a regular expression: {error}"
        raise ValueError(message) from error
    return pattern


_DEFAULT_FIELDS: dict[str, Action] = {
    "password": "mask",
    "passwd": "mask",
    "secret": "mask",
    "token": "mask",
    "api_key": "mask",
    "authorization": "mask",
}
_DEFAULT_PATTERNS = (
    (
        r"(?i)(?:password|passwd|pwd|secret|token|api[_-]?key)[\"']?\s{0,3}[=:]\s{0,3}"
        r"(?:\"[^\"]{0,256}|'[^']{0,256}|[^\s&;,\"']{1,256})"
    ),
    r"(?i)\b(?:bearer|basic)\s{1,3}[A-Za-z0-9._~+/=-]{8,2048}",
)


class RedactionSettings(Section):
    """What is hidden before any preview, metadata, dead letter or log line leaves the parser."""

    fields: dict[str, Action] = Field(default=_DEFAULT_FIELDS)
    """Names of record fields and what happens to their values."""
    patterns: tuple[Annotated[str, AfterValidator(_compiles)], ...] = _DEFAULT_PATTERNS
    """Regular expressions; whatever they match in any text is masked."""
    hash_key: SecretStr | None = None
    """Salt of the `hash` action; set it by LOGPLATFORM_REDACTION__HASH_KEY, not in the file."""

    def redactor(self) -> Redactor:
        """The policy as the landing applies it."""
        salt = self.hash_key.get_secret_value() if self.hash_key else ""
        return Redactor(self.fields, tuple(re.compile(pattern) for pattern in self.patterns), salt)
