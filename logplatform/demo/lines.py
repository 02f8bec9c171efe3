"""Log lines as programs write them: access logs, log4j with stack traces, syslog, JSON lines.

What belongs here: endless variety from few words, one generator a format, in order of time. What does not: files,
packing and faults (`archives`).
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Literal

import msgspec

Kind = Literal["access", "log4j", "broker", "syslog", "json"]

PATHS = (
    *("/", "/search?q=lampe", "/products/4711", "/products/815", "/cart", "/checkout", "/api/orders", "/login"),
    *("/static/app.4f2e.js", "/static/site.css", "/images/hero.webp", "/robots.txt", "/api/stock?sku=A-17", "/admin"),
)
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +http://bot.example/about)",
    "curl/8.5.0",
)
REFERRERS = ("-", "-", "https://shop.example/", "https://shop.example/search?q=lampe", "https://news.example/42")
STATUSES = (*(200,) * 14, 201, 301, 304, 304, 404, 404, 500, 503)
LEVELS = (*("INFO",) * 12, *("WARN",) * 3, "DEBUG", "ERROR")
LOGGERS = ("orders.PaymentService", "orders.CartService", "stock.Reservation", "mail.Outbox", "web.SessionFilter")
SAYINGS = (
    "Order {0} accepted, total {1}.90 EUR",
    "Reserved {1} of article A-{0}",
    "Mail to customer {0} queued ({1} waiting)",
    "Session {0} expired after {1} minutes",
    "Retrying call {0} in {1} ms",
)
TRACE = (
    b"java.net.SocketTimeoutException: Read timed out\n",
    b"\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:288)\n",
    b"\tat com.shop.orders.PaymentClient.charge(PaymentClient.java:84)\n",
    b"\tat com.shop.orders.PaymentService.pay(PaymentService.java:141)\n",
    b"Caused by: java.io.IOException: connection reset by peer\n",
    b"\t... 12 more\n",
)
NOTES = (
    "postgres[1290]: checkpoint complete: wrote {0} buffers ({1} ms)",
    "sshd[2214]: Accepted publickey for deploy from 192.0.2.{1} port {0} ssh2",
    "systemd[1]: Started Session {0} of user deploy.",
    "cron[871]: (root) CMD (/usr/local/bin/rotate {1})",
    "kernel: eth0: link becomes ready, {0} packets, {1} dropped",
)
SERVICES = ("checkout", "catalog", "stock", "identity")


def moments(rng: Random, day: date, count: int) -> Iterator[datetime]:
    """`count` moments of a day in UTC, in order, unevenly spread."""
    midnight = datetime.combine(day, time(), tzinfo=UTC)
    step = 86_400 / (count + 1)
    for index in range(count):
        yield midnight + timedelta(seconds=(index + rng.random()) * step)


def access_lines(rng: Random, day: date, count: int, _host: str) -> Iterator[bytes]:
    """Access log in the "combined" format of Apache httpd and nginx."""
    visitors = [f"203.0.113.{n}" for n in range(1, 120)] + [f"2001:db8::{n:x}" for n in range(1, 30)]
    for moment in moments(rng, day, count):
        number = rng.getrandbits(30)
        status = STATUSES[number % len(STATUSES)]
        method = "POST" if number % 11 == 0 else "GET"
        yield (
            f"{visitors[number % len(visitors)]} - {'-' if number % 9 else 'anna'} "
            f"[{moment:%d/%b/%Y:%H:%M:%S} +0000] "
            f'"{method} {PATHS[number % len(PATHS)]} HTTP/1.1" {status} {number % 90_000} '
            f'"{REFERRERS[number % len(REFERRERS)]}" "{AGENTS[number % len(AGENTS)]}"\n'
        ).encode()


def log4j_lines(rng: Random, day: date, count: int, _host: str) -> Iterator[bytes]:
    """log4j with thread and logger; errors bring a stack trace, which counts among the `count` lines."""
    left = count
    for moment in moments(rng, day, count):
        if left <= 0:
            return
        number = rng.getrandbits(30)
        level = LEVELS[number % len(LEVELS)]
        saying = SAYINGS[number % len(SAYINGS)].format(number % 900_000, number % 97)
        if level == "ERROR":
            saying = f"Payment {number % 900_000} failed"
        millis = moment.microsecond // 1000
        yield (
            f"{moment:%Y-%m-%d %H:%M:%S},{millis:03d} {level:<5} [http-{number % 16}] "
            f"com.shop.{LOGGERS[number % len(LOGGERS)]} - {saying}\n"
        ).encode()
        left -= 1
        if level == "ERROR":
            yield from TRACE[:left]
            left -= len(TRACE)


def broker_lines(rng: Random, day: date, count: int, host: str) -> Iterator[bytes]:
    """A message broker's log4j layout: time in brackets first, the logger in parentheses last."""
    for moment in moments(rng, day, count):
        number = rng.getrandbits(30)
        level = LEVELS[number % len(LEVELS)]
        yield (
            f"[{moment:%Y-%m-%d %H:%M:%S},{moment.microsecond // 1000:03d}] {level} [Partition orders-{number % 12} "
            f"broker={host}] Segment rolled at offset {number % 9_000_000} in {number % 40} ms (broker.log.Partition)\n"
        ).encode()


def syslog_lines(rng: Random, day: date, count: int, host: str) -> Iterator[bytes]:
    """RFC 3164: the time names no year, which readers take from the file."""
    for moment in moments(rng, day, count):
        number = rng.getrandbits(30)
        note = NOTES[number % len(NOTES)].format(number % 50_000, number % 200)
        yield f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S} {host} {note}\n".encode()


def json_lines(rng: Random, day: date, count: int, host: str) -> Iterator[bytes]:
    """One JSON object a line."""
    encoder = msgspec.json.Encoder()
    for moment in moments(rng, day, count):
        number = rng.getrandbits(30)
        yield (
            encoder.encode(
                {
                    "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
                    "level": LEVELS[number % len(LEVELS)].lower(),
                    "service": SERVICES[number % len(SERVICES)],
                    "host": host,
                    "user_id": f"USER{number % 5000}",
                    "duration_ms": number % 1500 / 4,
                    "message": SAYINGS[number % len(SAYINGS)].format(number % 900_000, number % 97),
                }
            )
            + b"\n"
        )


LINES: dict[Kind, Callable[[Random, date, int, str], Iterator[bytes]]] = {
    "access": access_lines,
    "log4j": log4j_lines,
    "broker": broker_lines,
    "syslog": syslog_lines,
    "json": json_lines,
}
"""Each kind's generator: (chance, day, lines, host) to lines that end in a line feed."""
