"""Each line format: its columns, its times, and what it refuses."""

import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from logplatform_tests.archives.lines.reading import log_file, read

ACCESS = (
    b'83.149.9.216 - alice [17/May/2015:12:05:03 +0200] "GET /a?q=1 HTTP/1.1" 200 203023 '
    b'"http://x.org/" "Mozilla/5.0 (\\"odd\\")"\n'
    b'::1 - - [17/May/2015:10:05:04 +0000] "\\x16\\x03" 400 -\n'
    b'10.0.0.1 ident - [17/May/2015:10:05:05 +0000] "POST /with space HTTP/2" 503 0 "-" "-" "1.2.3.4" 0.5\n'
)


def test_access_log_columns() -> None:
    """Combined and common format in one file; `-` means nothing is known; fields after the combined ones are kept."""
    events, refused = read(ACCESS, "access")
    assert refused == []
    first, second, third = events
    assert first["time"] == datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)
    assert first["time_text"] == "17/May/2015:12:05:03 +0200"
    assert (first["client"], first["user"], first["status"], first["bytes"]) == ("83.149.9.216", "alice", 200, 203023)
    assert (first["method"], first["target"], first["protocol"]) == ("GET", "/a?q=1", "HTTP/1.1")
    assert (first["referrer"], first["user_agent"]) == ("http://x.org/", 'Mozilla/5.0 (\\"odd\\")')
    assert first["raw"].encode() + b"\n" == ACCESS.splitlines(keepends=True)[0]
    assert (second["method"], second["target"], second["bytes"], second["message"]) == (None, None, None, "\\x16\\x03")
    assert (third["target"], third["referrer"]) == ("/with space", None)
    assert json.loads(third["extra"]) == {"ident": "ident", "rest": '"1.2.3.4" 0.5'}
    assert (first["server"], first["path"], first["log"], first["tenant"]) == (
        "web1",
        "a/app.log.1",
        "a/app.log",
        "default",
    )


@pytest.mark.parametrize(
    ("line", "tag"),
    [
        (b"", "not_access"),
        (b"Segmentation fault", "not_access"),
        (b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200', "not_access"),
        (b'1.2.3.4 - - [31/Feb/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1', "bad_time"),
        (b'1.2.3.4 - - [17/Mai/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1', "bad_time"),
        (b'1.2.3.4 - - [17/May/1915:10:05:03 +0000] "GET / HTTP/1.1" 200 1', "bad_time"),
    ],
)
def test_access_refuses_with_line_and_reason(line: bytes, tag: str) -> None:
    """An odd line of a recognised log is a dead letter with its number and its bytes; its neighbours stay."""
    data = ACCESS + line + b"\n" + ACCESS
    events, refused = read(data, "access")
    assert len(events) == 6
    assert [(letter.line, letter.raw, letter.tag) for letter in refused] == [(4, line, tag)]
    assert refused[0].reason


def test_syslog_without_year_takes_it_from_the_file() -> None:
    """Across New Year the lines of December are last year's; a day ahead is a clock's difference, not a year."""
    data = b"Dec 31 23:59:59 web1 cron[42]: tick\nJan  1 00:00:01 web1 kernel: up\nJan  2 20:00:00 web1 a: ahead\n"
    events, refused = read(data, "syslog", log_file(written=datetime(2026, 1, 2, 6, tzinfo=UTC)))
    assert refused == []
    assert [event["time"] for event in events] == [
        datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC),
        datetime(2026, 1, 2, 20, 0, 0, tzinfo=UTC),
    ]
    assert (events[0]["host"], events[0]["app"], events[0]["pid"], events[0]["message"]) == (
        "web1",
        "cron",
        "42",
        "tick",
    )


def test_syslog_leap_day_and_impossible_day() -> None:
    """29 February is the last leap year's; 30 February is none."""
    events, refused = read(b"Feb 29 10:00:00 h a: x\nFeb 30 10:00:00 h a: x\n", "syslog")
    assert [event["time"].year for event in events] == [2024]
    assert [(letter.line, letter.tag) for letter in refused] == [(2, "bad_time")]


def test_syslog_in_the_sources_zone() -> None:
    """A text that names no zone is in the source's; the year is chosen in that zone too."""
    paris = log_file(ZoneInfo("Europe/Paris"), datetime(2025, 7, 1, tzinfo=UTC))
    events, _ = read(b"Jul  1 01:30:00 h a: x\nJan 15 01:30:00 h a: x\n", "syslog", paris)
    assert events[0]["time"] == datetime(2025, 6, 30, 23, 30, tzinfo=UTC)
    assert events[0]["day"] == date(2025, 6, 30)
    assert events[1]["time"] == datetime(2025, 1, 15, 0, 30, tzinfo=UTC)


def test_syslog_new_format_and_priority() -> None:
    """RFC 5424 with structured data (the example of its section 6.5), and a priority no table has."""
    line = (
        "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 "
        '[exampleSDID@32473 iut="3" eventSource="App \\"x\\" ]"][second@1 a="b"] \ufeffAn application event\n'
    )
    events, refused = read((line + "<192>1 2003-10-11T22:14:15Z h a - - - x\n<34>1 - - - - - -\n").encode(), "syslog")
    first, second = events
    assert first["time"] == datetime(2003, 10, 11, 22, 14, 15, 3000, tzinfo=UTC)
    assert (first["facility"], first["level"], first["pid"], first["app"]) == (20, "NOTICE", None, "evntslog")
    assert first["message"] == "An application event"
    assert json.loads(first["extra"])["msgid"] == "ID47"
    assert (second["time"], second["day"], second["level"]) == (None, date(2025, 6, 1), "CRITICAL")
    assert [(letter.line, letter.tag) for letter in refused] == [(2, "bad_priority")]


def test_json_lines_find_the_common_columns() -> None:
    """Names differ from logger to logger; whatever has no column stays in `extra`."""
    records = [
        {"timestamp": "2025-05-17T10:00:00.123456789+02:00", "level": "warn", "message": "m", "a": {"b": 1}, "n": 5},
        {"@timestamp": 1747468800, "severity": 30, "msg": "m", "hostname": "h", "service": "s", "user_id": 123},
        {"ts": "1747468800.5", "text": None},
        {"no": "time"},
    ]
    data = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    (first, second, third, fourth), refused = read(data, "jsonl")
    assert refused == []
    assert first["time"] == datetime(2025, 5, 17, 8, 0, 0, 123456, tzinfo=UTC)
    assert (first["level"], first["message"], json.loads(first["extra"])) == ("WARN", "m", {"a": {"b": 1}, "n": 5})
    assert second["time"] == datetime(2025, 5, 17, 8, 0, tzinfo=UTC)
    assert (second["level"], second["host"], second["app"], second["user"]) == ("INFO", "h", "s", "123")
    assert second["extra"] is None
    assert third["time"].microsecond == 500_000
    assert (fourth["time"], fourth["day"]) == (None, date(2025, 6, 1))


@pytest.mark.parametrize(
    ("line", "tag"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b"[1]", "bad_json"),
        (b'"text"', "bad_json"),
        (b'{"a": NaN}', "bad_json"),
        (b'{"a":' + b"[" * 50_000, "bad_json"),
        (b'{"time": "yesterday"}', "bad_time"),
        (b'{"time": true}', "bad_time"),
        (b'{"time": 1e400}', "bad_json"),
        (b'{"time": 99999999999999999999999999}', "bad_time"),
        (b'{"time": -5}', "bad_time"),
    ],
)
def test_json_lines_refuse_what_is_no_record(line: bytes, tag: str) -> None:
    """One line's nonsense costs that line only."""
    events, refused = read(b'{"a":1}\n' + line + b'\n{"a":2}\n', "jsonl")
    assert len(events) == 2
    assert [(letter.line, letter.raw[:100], letter.tag) for letter in refused] == [(2, line[:100], tag)]


@pytest.mark.parametrize(
    ("line", "level", "logger", "thread", "message"),
    [
        (
            "[2016-12-19 16:31:47,437] INFO [Controller 0]: up (kafka.Ctl)",
            "INFO",
            "kafka.Ctl",
            None,
            "[Controller 0]: up",
        ),
        ("2016-12-19 16:31:47,437 INFO [main] org.x.Y - text", "INFO", "org.x.Y", "main", "text"),
        ("2016-12-19 16:31:47,437 [main] INFO org.x.Y - text", "INFO", "org.x.Y", "main", "text"),
        ("2016-12-19 16:31:47,437 WARN [main] org.x.Y: text: more", "WARN", "org.x.Y", "main", "text: more"),
        ("2016-12-19 16:31:47.437  INFO 12 --- [   main] o.s.B    : text", "INFO", "o.s.B", "main", "text"),
        ("2016-12-19 16:31:47,437 - my.logger - ERROR - it: failed", "ERROR", "my.logger", None, "it: failed"),
        ("2016-12-19T16:31:47.437Z DEBUG it: failed (really so)", "DEBUG", None, None, "it: failed (really so)"),
        ("2016/12/19 16:31:47.437 [error] 12#0: open() failed", "ERROR", None, None, "12#0: open() failed"),
        ("2016-12-19 16:31:47,437 INFORMATION overload", None, None, None, "INFORMATION overload"),
    ],
)
def test_log4j_layouts(line: str, level: str, logger: str, thread: str, message: str) -> None:
    """Each layout that the module names, to the same columns and the same time."""
    (event,), refused = read(line.encode(), "log4j")
    assert refused == []
    assert (event["level"], event["logger"], event["thread"], event["message"]) == (level, logger, thread, message)
    assert event["time"] == datetime(2016, 12, 19, 16, 31, 47, 437000, tzinfo=UTC)


def test_log4j_joins_continuation_lines() -> None:
    """A stack trace and a dump belong to their event; Kafka's logger stands after the dump."""
    data = (
        b"[2016-12-19 16:31:46,143] INFO KafkaConfig values: \n\tbroker.id = 0\n\n (kafka.server.KafkaConfig)\n"
        b"[2016-12-19 16:31:47,000] WARN failed (kafka.Net)\njava.io.IOException: x\n\tat a.B.c(B.scala:1)\n"
    )
    (first, second), refused = read(data, "log4j", chunk=10)
    assert refused == []
    assert (first["line"], first["lines"], first["logger"]) == (1, 4, "kafka.server.KafkaConfig")
    assert first["message"] == "KafkaConfig values: \n\tbroker.id = 0\n"
    assert (second["line"], second["lines"], second["logger"]) == (5, 3, "kafka.Net")
    assert second["message"] == "failed\njava.io.IOException: x\n\tat a.B.c(B.scala:1)"
    assert first["raw"] + "\n" + second["raw"] + "\n" == data.decode()


def test_log4j_lines_that_continue_nothing_are_refused() -> None:
    """A file that begins inside a stack trace, and what follows a line that was refused: each line a dead letter."""
    head = b"2016-12-19 16:31:47 INFO x\n"
    data = (
        b"\tat a\n\tat b\n"
        + head
        + b"z" * 2_000
        + b"\n\tat c\n"
        + head
        + b"2016-13-45 00:00:00 INFO y\n\tat d\n"
        + head
    )
    events, refused = read(data, "log4j", max_line_bytes=1_024)
    assert [event["line"] for event in events] == [3, 6, 9]
    assert [(letter.line, letter.tag) for letter in refused] == [
        (1, "no_event"), (2, "no_event"), (4, "too_long"), (5, "no_event"), (7, "bad_time"), (8, "bad_time"),
    ]  # fmt: skip
    assert "refused" in refused[3].reason
    assert "none began" in refused[0].reason


def test_log4j_event_over_the_limit_is_refused_line_by_line() -> None:
    """An event is a record: past the limit all its lines are dead letters, and the next event is whole again."""
    head = b"2016-12-19 16:31:47 INFO x\n"
    data = head + b"\tframe\n" * 500 + head + b"\tframe\n"
    events, refused = read(data, "log4j", max_line_bytes=1_024)
    assert [(event["line"], event["lines"]) for event in events] == [(502, 2)]
    assert [letter.line for letter in refused] == list(range(1, 502))


def test_plain_lines_say_themselves() -> None:
    """Blank lines too: nothing is odd in a text without a format. Their day is the file's."""
    events, refused = read(b"one\n\nthree", "plain")
    assert refused == []
    assert [(event["message"], event["raw"], event["time"], event["day"]) for event in events] == [
        (text, text, None, date(2025, 6, 1)) for text in ("one", "", "three")
    ]
