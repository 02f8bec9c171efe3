"""Events as they are uploaded, made once in the work folder and kept.

What belongs here: deterministic files of a given number of events. What does not: measuring.
"""

import csv
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

Shape = Literal["json", "array", "csv"]
SEED = 20260302
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
SPAN = timedelta(days=30)

_PATHS = ("/", "/cart", "/checkout", "/api/orders", "/api/orders/{n}", "/login", "/img/logo.png", "/search?q=shoes")
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
)


def events(count: int) -> Iterator[dict[str, object]]:
    """`count` web requests and transactions in the order of their times, from 20,000 addresses over 30 days."""
    rng = random.Random(SEED)
    addresses = [f"{rng.randrange(1, 224)}.{rng.randrange(256)}.{rng.randrange(256)}.7" for _ in range(20_000)]
    for number in range(count):
        at = (BEGIN + SPAN * number / count).strftime("%Y-%m-%dT%H:%M:%SZ")
        ip = addresses[rng.randrange(20_000)]
        if number % 5 == 0:
            yield {
                "timestamp": at, "log_type": "transaction", "level": "INFO", "service": "payments",
                "transaction_id": f"TX{number:09d}", "user_id": f"USER{rng.randrange(50_000)}", "ip": ip,
                "amount": rng.randrange(100, 2_000_000) / 100, "currency": "EUR", "payment_method": "card",
                "status": "completed", "message": f"payment {number} completed",
            }  # fmt: skip
        else:
            path = rng.choice(_PATHS).replace("{n}", str(number))
            yield {
                "timestamp": at, "log_type": "web", "level": "INFO", "service": "web1", "ip": ip,
                "method": "GET", "path": path, "status_code": 200, "response_time": rng.randrange(1, 90_000) / 100,
                "user_agent": rng.choice(_AGENTS), "message": f"GET {path} 200",
            }  # fmt: skip


def events_file(folder: Path, count: int, shape: Shape = "json") -> Path:
    """A file of so many events: NDJSON, a pretty-printed array, or CSV with the columns of both kinds."""
    path = folder / f"events-{count}-{shape}{'.csv' if shape == 'csv' else '.json'}"
    if not path.exists():
        part = path.with_suffix(".part")
        with part.open("w", encoding="utf-8", newline="") as file:
            if shape == "csv":
                names = list(dict.fromkeys(name for event in events(5) for name in event))
                writer = csv.DictWriter(file, names, restval="")
                writer.writeheader()
                writer.writerows(events(count))
            elif shape == "array":
                for number, event in enumerate(events(count)):
                    file.write(("[\n " if number == 0 else ",\n ") + json.dumps(event, indent=1))
                file.write("\n]\n")
            else:
                file.writelines(json.dumps(event) + "\n" for event in events(count))
        part.rename(path)
    return path
