"""The settings file of a demonstration: its input as the sources, all else at the defaults.

What belongs here: that one file. What does not: what can be set (`logplatform.settings`).
"""

from collections.abc import Mapping
from pathlib import Path

import yaml

from logplatform.demo import archives, machines, tickets, uploads
from logplatform.demo.plan import Domain, Plan

INPUT = "input"
DATA = "data"
PLANT = "plant"
SHOP = "shop"
TICKETS = "support"
SETTINGS = "logplatform.yaml"
HEAD = """\
# The settings of the demonstration, written by `logplatform demo`. Paths are relative to this file's folder.
# A file of your own with every setting explained: logplatform init
"""


def demo_settings(plan: Plan) -> dict[str, object]:
    """The settings for a demonstration's input, as `logplatform.settings` reads them."""
    first = min(plan.log_days()[0], plan.working_days()[0])
    return {
        "data_root": DATA,
        "dagster": {"start_date": first.replace(day=1)},
        "archives": {
            "sources": [
                {"name": server, "type": "folder", "path": f"{INPUT}/{archives.FOLDER}/{server}"}
                for server in archives.SERVERS
            ]
        },
        "machines": {
            "sources": [
                {
                    "name": PLANT,
                    "type": "folder",
                    "path": f"{INPUT}/{machines.FOLDER}",
                    "timezone": machines.TIMEZONE,
                    "folders": dict.fromkeys(machines.CENTRES),
                }
            ]
        },
        "uploads": {
            "inboxes": [{"name": SHOP, "type": "folder", "path": f"{INPUT}/{uploads.FOLDER}", "keep_files": True}]
        },
        "tickets": {
            "topics": [{"name": TICKETS, "type": "spool", "topic": tickets.TOPIC, "path": f"{INPUT}/{tickets.FOLDER}"}]
        },
    }


def sources_of(domain: Domain) -> Mapping[str, str]:
    """Which folder of the input (`archives/web1`) is read by which source."""
    if domain == "archives":
        return {f"{archives.FOLDER}/{server}": server for server in archives.SERVERS}
    return {machines.FOLDER: PLANT} if domain == "machines" else {uploads.FOLDER: SHOP}


def write_settings(folder: Path, plan: Plan) -> Path:
    """Write the settings file into the demonstration's folder unless it is there; returns its path."""
    path = folder / SETTINGS
    if not path.exists():
        part = path.with_name(f"{SETTINGS}.part")
        text = yaml.safe_dump(demo_settings(plan), sort_keys=False, allow_unicode=True)
        part.write_text(HEAD + text, encoding="utf-8")
        part.replace(path)
    return path
