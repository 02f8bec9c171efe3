"""How suspicious a transaction is, by what its user did before.

What belongs here: the rules and the score. What does not: where transactions come from (`figures.fraud`).

Points, each with its reason: an amount above 10,000: 20; more than three transactions within five minutes: 25; from a
country that is not one of the user's usual ones: 15; from an address never seen for the user: 30; three or more
failed within an hour: 20. At most 100. A user's first transaction has nothing to be compared with, so it gets no
points for country or address.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

FAILED = frozenset({"failed", "failure", "declined", "rejected", "error"})
HIGHEST = 100
_MINUTE_US = 60_000_000
_REMEMBERED_ADDRESSES = 1_000


@dataclass(frozen=True, slots=True)
class FraudRules:
    """Limits and points. A country is usual if `usual_share` of the user's earlier transactions came from it."""

    threshold: int = 75
    high_amount: float = 10_000
    high_amount_points: int = 20
    burst_count: int = 3
    burst_minutes: int = 5
    burst_points: int = 25
    usual_share: float = 0.2
    country_points: int = 15
    address_points: int = 30
    failed_count: int = 3
    failed_minutes: int = 60
    failed_points: int = 20


class Transaction(NamedTuple):
    """What the score needs; `at` in microseconds since 1970 (UTC)."""

    id: str
    user_id: str
    at: int
    amount: float | None
    ip: str | None
    country_code: str | None
    status: str | None
    transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """A transaction with its score, 0 to 100, and the reasons for it."""

    transaction: Transaction
    score: int
    reasons: tuple[str, ...]

    @property
    def at(self) -> datetime:
        """The transaction's time (UTC)."""
        return datetime.fromtimestamp(self.transaction.at / 1_000_000, UTC)

    def told(self) -> dict[str, Any]:
        """What tables and routes tell of it alike; `at` is told by each in its own form."""
        known = self.transaction
        return {
            "id": known.id,
            "transaction_id": known.transaction_id,
            "user_id": known.user_id,
            "amount": known.amount,
            "ip": known.ip,
            "country_code": known.country_code,
            "status": known.status,
            "fraud_score": self.score,
            "reasons": list(self.reasons),
        }


def scored(transactions: Iterable[Transaction], rules: FraudRules = FraudRules()) -> Iterator[Scored]:
    """The scores of transactions that come by user and, for each user, by time.

    Memory holds one user's history at a time: what lies in the windows, and the last addresses.
    """
    history: _History | None = None
    for transaction in transactions:
        if history is None or history.user_id != transaction.user_id:
            history = _History(transaction.user_id)
        yield history.score(transaction, rules)


@dataclass(slots=True)
class _History:
    """What one user did before."""

    user_id: str
    recent: deque[int] = field(default_factory=deque)
    failed: deque[int] = field(default_factory=deque)
    countries: Counter[str] = field(default_factory=Counter)
    addresses: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def score(self, one: Transaction, rules: FraudRules) -> Scored:
        found = [*self._by_amount(one, rules), *self._by_pace(one, rules), *self._by_origin(one, rules)]
        points = sum(points for points, _ in found)
        return Scored(one, min(points, HIGHEST), tuple(reason for _, reason in found))

    def _by_amount(self, one: Transaction, rules: FraudRules) -> Iterator[tuple[int, str]]:
        if one.amount is not None and one.amount > rules.high_amount:
            yield rules.high_amount_points, f"amount above {rules.high_amount:,.0f}"

    def _by_pace(self, one: Transaction, rules: FraudRules) -> Iterator[tuple[int, str]]:
        within = _within(self.recent, one.at, rules.burst_minutes, add=True)
        if within > rules.burst_count:
            yield rules.burst_points, f"{within} transactions within {rules.burst_minutes} minutes"
        failed = one.status is not None and one.status.lower() in FAILED
        within = _within(self.failed, one.at, rules.failed_minutes, add=failed)
        if within >= rules.failed_count:
            yield rules.failed_points, f"{within} failed within {rules.failed_minutes} minutes"

    def _by_origin(self, one: Transaction, rules: FraudRules) -> Iterator[tuple[int, str]]:
        if one.country_code is not None:
            before = self.countries.total()
            if before and self.countries[one.country_code] < rules.usual_share * before:
                yield rules.country_points, f"country {one.country_code} is not usual for the user"
            self.countries[one.country_code] += 1
        if one.ip is not None:
            if self.addresses and one.ip not in self.addresses:
                yield rules.address_points, f"address {one.ip} was never seen for the user"
            self.addresses[one.ip] = None
            self.addresses.move_to_end(one.ip)
            if len(self.addresses) > _REMEMBERED_ADDRESSES:
                self.addresses.popitem(last=False)


def _within(moments: deque[int], at: int, minutes: int, *, add: bool) -> int:
    """How many moments lie in the minutes up to `at`; the others are forgotten."""
    if add:
        moments.append(at)
    while moments and moments[0] <= at - minutes * _MINUTE_US:
        moments.popleft()
    return len(moments)
