"""The kinds of events, and how a table without a column `log_type` tells its own.

What belongs here: kinds and the fields they are known by. What does not: judging values (`enrich`).
"""

from collections.abc import Collection

UNKNOWN_KIND = "log"

# In this order: a payment that carries a fraud score is told from one that was only paid.
_KNOWN_BY: tuple[tuple[str, frozenset[str]], ...] = (
    ("fraud", frozenset({"fraud_score"})),
    ("error", frozenset({"error_code", "error_type", "error_message", "stack_trace"})),
    ("transaction", frozenset({"transaction_id", "payment_method", "transaction_type", "order_id", "amount"})),
    ("performance", frozenset({"response_time", "db_query_time", "cache_hit"})),
    ("user_behavior", frozenset({"action", "page", "duration_ms"})),
    ("web", frozenset({"path", "referrer", "user_agent"})),
)


def kind_of_table(columns: Collection[str]) -> str:
    """The kind of a table's rows by the names of its columns; `log` where none tells."""
    names = frozenset(columns)
    return next((kind for kind, fields in _KNOWN_BY if fields & names), UNKNOWN_KIND)
