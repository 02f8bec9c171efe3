"""The producer: what it makes, and how fast."""

import json
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from logplatform.cli import main
from logplatform.stores.ticket_log import Spool
from logplatform.tickets.produce import REQUESTS, Maker, Mix, produce
from logplatform.tickets.ticket import Ticket
from logplatform.tickets.validate import parse_ticket

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def test_the_mix_is_what_was_asked_for_and_counted() -> None:
    maker = Maker(Mix(invalid_share=0.03, duplicate_share=0.02, seed=7))
    made = [parse_ticket(maker.make(NOW)[1]) for _ in range(20_000)]
    tickets = [ticket for ticket in made if isinstance(ticket, Ticket)]
    assert len(made) - len(tickets) == maker.invalid
    assert len(tickets) - len({ticket.key for ticket in tickets}) == maker.duplicates
    assert 500 < maker.invalid < 700
    assert 320 < maker.duplicates < 480
    assert {ticket.request for ticket in tickets} == set(REQUESTS)


def test_every_rule_is_broken_by_some_invalid_message() -> None:
    maker = Maker(Mix(invalid_share=1, seed=1))
    reasons = Counter[object](parse_ticket(maker.make(NOW)[1]) for _ in range(500))
    assert len(reasons) >= 9
    assert not any(isinstance(reason, Ticket) for reason in reasons)


def test_a_seed_makes_the_same_messages() -> None:
    one, two, other = (Maker(Mix(0.1, 0.1, seed)) for seed in (5, 5, 6))
    made = [[maker.make(NOW) for _ in range(200)] for maker in (one, two, other)]
    assert made[0] == made[1] != made[2]


@pytest.mark.parametrize(("rate", "count"), [(10, 20), (1_000, 2_000), (20_000, 100_000)])
def test_the_rate_is_kept_within_one_percent(tmp_path: Path, rate: float, count: int) -> None:
    """The best of three, because a machine that does other work at the time may have nothing left for this."""
    for attempt in range(3):
        topic = Spool.open(tmp_path / str(attempt), 3)
        sent = produce(topic, Mix(seed=1), rate, count, _sleep)
        assert sent.messages == count == sum(topic.ends().values())
        assert sent.rate <= rate * 1.01
        if sent.rate >= rate * 0.99:
            return
    pytest.fail(f"{sent.rate:.0f} messages a second instead of {rate}")


def test_the_command_tells_what_it_sent(tmp_path: Path) -> None:
    arguments = ["tickets", "produce", "--rate", "2000", "--count", "300", "--invalid-share", "0.5", "--json"]
    found = CliRunner().invoke(main, arguments, env={"LOGPLATFORM_DATA_ROOT": str(tmp_path)})
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert told["messages"] == 300
    assert 100 < told["invalid"] < 200
    assert sum(Spool.open(tmp_path / "spool" / "default" / "client_tickets", 3).ends().values()) == 300


def test_a_stopped_producer_ends_at_once_even_when_it_is_behind(tmp_path: Path) -> None:
    sent = produce(Spool.open(tmp_path / "topic", 3), Mix(), 1e9, None, lambda _: True)
    assert sent.messages == 0


def test_an_unknown_topic_is_told(tmp_path: Path) -> None:
    found = CliRunner().invoke(
        main, ["tickets", "produce", "--topic", "other"], env={"LOGPLATFORM_DATA_ROOT": str(tmp_path)}
    )
    assert found.exit_code == 2
    assert "no source that is switched on reads 'other'" in found.output
