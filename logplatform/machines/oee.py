"""Overall equipment effectiveness ("TRS") of a session: availability x performance x quality.

What belongs here: the three factors, each with where it comes from, and their product. What does not: settings.
Source of the formula: ISO 22400-2:2014, overall equipment effectiveness index.
"""

from dataclasses import dataclass

from logplatform.machines.session import Session


@dataclass(frozen=True, slots=True)
class OeeFactors:
    """What is configured: shares of 0 to 1, and the ideal seconds a piece takes.

    `availability` None: computed. `ideal_seconds_per_piece` None: `performance` as configured.
    """

    availability: float | None = None
    ideal_seconds_per_piece: float | None = None
    performance: float = 1.0
    quality: float = 1.0


@dataclass(frozen=True, slots=True)
class Factor:
    """A share of 0 to 1 (None: cannot be told) and how it came about, for people."""

    value: float | None
    source: str


@dataclass(frozen=True, slots=True)
class Oee:
    """The three factors and their product; `trs` is None where a factor is."""

    availability: Factor
    performance: Factor
    quality: Factor
    trs: float | None


def compute_oee(session: Session, factors: OeeFactors) -> Oee:
    """The OEE of a session."""
    availability, performance = _availability(session, factors), _performance(session, factors)
    quality = Factor(factors.quality, "configured: good pieces / all pieces")
    values = (availability.value, performance.value, quality.value)
    product = 1.0
    for value in values:
        if value is None:
            return Oee(availability, performance, quality, None)
        product *= value
    return Oee(availability, performance, quality, product)


def _availability(session: Session, factors: OeeFactors) -> Factor:
    if factors.availability is not None:
        return Factor(factors.availability, "configured")
    source = "computed: effective time / duration"
    if session.totals is None:
        return Factor(None, source)
    return Factor(session.totals.effective / session.totals.duration, source)


def _performance(session: Session, factors: OeeFactors) -> Factor:
    ideal = factors.ideal_seconds_per_piece
    if ideal is None:
        return Factor(factors.performance, "configured: no ideal time a piece is set")
    source = f"computed: {ideal:g} ideal seconds x pieces / effective time, at most 1"
    if session.totals is None or not session.totals.effective:
        return Factor(None, source)
    return Factor(min(1.0, ideal * 1000 * len(session.pieces) / session.totals.effective), source)
