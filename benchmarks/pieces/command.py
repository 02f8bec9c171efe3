"""Whole commands as users type them, with everything that they load in one process, Dagster included.

What belongs here: running one. What does not: the engines by themselves (`archives`, `machines`).
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from logplatform.cli import main


def run(domain: str, source: str, home: str) -> Callable[[], dict[str, float]]:
    """`logplatform DOMAIN run` over the folder `source`, everything that it makes below the folder `home`."""
    settings = Path(home) / "logplatform.yaml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    sources = [{"name": "source", "type": "folder", "path": source}]
    document = {"data_root": str(Path(home) / "data"), domain: {"sources": sources}}
    # JSON is YAML too.
    settings.write_bytes(msgspec.json.encode(document))

    def work() -> dict[str, float]:
        code = main(["--config", str(settings), domain, "run"], standalone_mode=False)
        return {"exit": 0 if code is None else int(code)}

    return work
