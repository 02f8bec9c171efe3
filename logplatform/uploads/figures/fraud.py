"""/api/fraud: suspicious transactions, the users and addresses behind them, and how many they are.

What belongs here: these figures. What does not: the score (`uploads.fraud`).
"""

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_query import COUNT, Aggregation, Alike, Filters, Measure
from logplatform.uploads.figures.groups import Row, moment, share
from logplatform.uploads.fraud import FraudRules, Scored, Transaction, scored

_COLUMNS = tuple("timestamp" if name == "at" else name for name in Transaction._fields)


def alerts(index: LogIndex, filters: Filters, rules: FraudRules) -> Iterator[Scored]:
    """The transactions of a period with their scores, by user and time.

    What a user did before the period counts as history; transactions without a user have none and are left out. Of
    users who did nothing in the period nothing is read.
    """
    paid = filters.term("log_type", "transaction").having("user_id")
    asked = replace(paid, since=None)
    active = None if filters.since is None else Alike("user_id", paid)
    rows = index.stream(_COLUMNS, asked, ("user_id", "timestamp", "id"), active)
    since = 0 if filters.since is None else round(filters.since.timestamp() * 1_000_000)
    return (one for one in scored(map(Transaction._make, rows), rules) if one.transaction.at >= since)


def detect(index: LogIndex, filters: Filters, rules: FraudRules, limit: int = 100) -> Row:
    """The most suspicious transactions, at least at the threshold."""
    flagged = (one for one in alerts(index, filters, rules) if one.score >= rules.threshold)
    total, most = _most(flagged, limit)
    return {"threshold": rules.threshold, "total": total, "transactions": [_told(one) for one in most]}


def suspicious_activities(index: LogIndex, filters: Filters, rules: FraudRules, limit: int = 20) -> Row:
    """Users with suspicious transactions, addresses that several users pay from, and what senders reported."""
    users: Counter[str] = Counter()
    highest: Counter[str] = Counter()
    for one in alerts(index, filters, rules):
        if one.score >= rules.threshold:
            users[one.transaction.user_id] += 1
            highest[one.transaction.user_id] = max(highest[one.transaction.user_id], one.score)
    paid = filters.term("log_type", "transaction")
    shared = Aggregation(("ip",), (COUNT, Measure("users", "distinct", "user_id")), paid, order="users", limit=limit)
    reported = Aggregation(("user_id",), (COUNT, Measure("highest", "max", "fraud_score")),
                           filters.at_least("fraud_score", rules.threshold), order="highest", limit=limit)  # fmt: skip
    return {
        "threshold": rules.threshold,
        "users": [{"user_id": user, "count": n, "highest": highest[user]} for user, n in users.most_common(limit)],
        "shared_addresses": [row for row in index.aggregate(shared) if row["users"] > 1],
        "reported": index.aggregate(reported),
    }


def stats(index: LogIndex, filters: Filters, rules: FraudRules) -> Row:
    """How many transactions were judged, how many are suspicious, and why."""
    judged = flagged = points = 0
    amount = 0.0
    reasons: Counter[str] = Counter()
    for one in alerts(index, filters, rules):
        judged += 1
        points += one.score
        if one.score >= rules.threshold:
            flagged += 1
            amount += one.transaction.amount or 0.0
            reasons.update(_kind(reason) for reason in one.reasons)
    return {
        "threshold": rules.threshold,
        "transactions": judged,
        "suspicious": flagged,
        "suspicious_share": share(flagged, judged),
        "suspicious_amount": amount,
        "average_score": points / judged if judged else None,
        "by_reason": dict(reasons.most_common()),
    }


def _most(flagged: Iterator[Scored], limit: int) -> tuple[int, list[Scored]]:
    """How many there are, and those with the highest scores, the newest first among equals."""
    total = 0
    best: list[tuple[int, int, str, Scored]] = []
    for one in flagged:
        total += 1
        entry = (one.score, one.transaction.at, one.transaction.id, one)
        if len(best) < limit:
            heapq.heappush(best, entry)
        elif entry[:3] > best[0][:3]:
            heapq.heapreplace(best, entry)
    return total, [entry[3] for entry in sorted(best, key=lambda entry: entry[:3], reverse=True)]


def _kind(reason: str) -> str:
    """The rule behind a reason, without its numbers and names."""
    words = {"amount": "amount", "country": "country", "address": "address"}
    first = reason.partition(" ")[0]
    return words.get(first) or ("failed" if "failed" in reason else "burst")


def _told(one: Scored) -> Row:
    return {**one.told(), "@timestamp": moment(one.at)}
