"""Records of a web shop: transactions, clicks, errors and response times, a day at a time.

What belongs here: what is in a record. What does not: the files they are written to (`uploads`).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Literal

from logplatform.demo.plan import Plan

Kind = Literal["transaction", "user_behavior", "performance", "error"]
KINDS: tuple[Kind, ...] = ("transaction", "user_behavior", "performance", "error")
Value = str | int | float | bool

USERS = 40
ENDPOINTS = ("/api/cart", "/api/checkout", "/api/products", "/api/search", "/api/login")
HOMES = ("81.2.69.{}", "91.198.174.{}", "193.0.6.{}", "8.8.8.{}", "133.11.93.{}")
"""Networks that users usually come from, in several countries."""
ABROAD = "200.160.2.3"


def records(plan: Plan, kind: Kind, day: date) -> Iterator[dict[str, Value]]:
    """The records of a kind and a day, in the order of time; equal plans make equal records."""
    draw = plan.random(f"uploads/{kind}/{day}")
    count = plan.amounts.records
    begin = datetime.combine(day, time(0, 0, 5), tzinfo=UTC)
    step = timedelta(days=1) / (count + 1)
    for number in range(count):
        moment = begin + number * step + draw.random() * step * 0.9
        yield {
            "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "log_type": kind,
            "level": "ERROR" if kind == "error" else "INFO",
            **_FIELDS[kind](draw, number),
        }
    if kind == "transaction":
        yield from _burst(begin + timedelta(hours=23, minutes=50), day)


def _user(number: int) -> str:
    return f"USER{number:03}"


def _address(user: int) -> str:
    return HOMES[user % len(HOMES)].format(10 + user)


def _transaction(draw: Random, number: int) -> dict[str, Value]:
    user = draw.randrange(USERS)
    return {
        "service": "checkout",
        "transaction_id": f"TX{draw.getrandbits(40):010x}{number}",
        "user_id": _user(user),
        "amount": round(draw.lognormvariate(3.5, 0.9), 2),
        "currency": "EUR",
        "payment_method": draw.choice(("card", "transfer", "invoice")),
        "status": draw.choices(("completed", "pending", "failed"), (90, 7, 3))[0],
        "transaction_type": draw.choices(("purchase", "refund"), (95, 5))[0],
        "merchant_id": f"M{draw.randrange(9):03}",
        "ip": _address(user),
    }


def _burst(begin: datetime, day: date) -> Iterator[dict[str, Value]]:
    """Six dear purchases of one user within minutes, from abroad, most of which fail: what the fraud score is for."""
    for number in range(6):
        moment = begin + timedelta(seconds=25 * number)
        yield {
            "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "log_type": "transaction",
            "level": "WARN",
            "service": "checkout",
            "transaction_id": f"TX{day:%Y%m%d}burst{number}",
            "user_id": _user(7),
            "amount": 12_500.0 + 100 * number,
            "currency": "EUR",
            "payment_method": "card",
            "status": "failed" if number < 4 else "completed",
            "transaction_type": "purchase",
            "merchant_id": "M001",
            "ip": ABROAD,
        }


def _behavior(draw: Random, number: int) -> dict[str, Value]:
    user = draw.randrange(USERS)
    return {
        "service": "web",
        "user_id": _user(user),
        "action": draw.choice(("page_view", "search", "add_to_cart", "checkout")),
        "page": draw.choice(("/", "/products", "/products/17", "/cart", "/checkout")),
        "session_id": f"S{user:03}-{number // 20}",
        "duration_ms": int(draw.expovariate(1 / 4_000)),
        "ip": _address(user),
    }


def _performance(draw: Random, _number: int) -> dict[str, Value]:
    slow = draw.random() < 0.03
    took = draw.uniform(1_000, 4_000) if slow else draw.lognormvariate(4.2, 0.6)
    return {
        "service": "api",
        "endpoint": draw.choice(ENDPOINTS),
        "method": draw.choice(("GET", "POST")),
        "response_time": round(took, 1),
        "status_code": draw.choices((200, 404, 500), (96, 3, 1))[0],
        "db_query_time": round(took * draw.uniform(0.2, 0.7), 1),
        "cache_hit": draw.random() < 0.6,
    }


def _error(draw: Random, _number: int) -> dict[str, Value]:
    code, name, text = draw.choice(
        (
            ("E504", "Timeout", "timeout: the payment provider did not answer; tried again"),
            ("E409", "Conflict", "the stock changed while the cart was open"),
            ("E500", "NullPointer", "no address for the order, see the ticket"),
        )
    )
    return {
        "service": draw.choice(("checkout", "catalog", "login")),
        "error_code": code,
        "error_type": name,
        "error_message": text,
        "endpoint": draw.choice(ENDPOINTS),
        "user_id": _user(draw.randrange(USERS)),
    }


_FIELDS: Mapping[Kind, Callable[[Random, int], dict[str, Value]]] = {
    "transaction": _transaction,
    "user_behavior": _behavior,
    "performance": _performance,
    "error": _error,
}
