"""One request: whatever the receiver does, it is over in time, and the reason holds no secret."""

import socket
import time

import pytest

from logplatform.alerts.post import post
from logplatform.failures import TransientFailure
from logplatform_tests.alerts.receiver import Behaviour, receiving

SECONDS = 0.5


@pytest.mark.parametrize("status", [200, 202, 204])
def test_what_the_receiver_takes_is_taken(status: int) -> None:
    with receiving([status]) as receiver:
        post(f"{receiver.url}?a=b", b'{"x": 1}', {"X-Here": "y"}, 5)
    (request,) = receiver.requests
    assert (request.path, request.body, request.headers["x-here"]) == ("/hooks/very-private?a=b", b'{"x": 1}', "y")


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (500, "it answered 500"),
        (404, "it answered 404"),
        ("redirect", "it answered 307, and redirects are not followed"),
        ("hang", "no answer in 0.5 s"),
        ("drip", "no answer in 0.5 s"),
        ("nothing", "closed connection|reset"),
    ],
)
def test_what_it_does_not_take_is_told_in_time_and_without_the_path(behaviour: Behaviour, reason: str) -> None:
    """The path of a webhook's address is its key; a receiver that drips must not hold the sensor for hours."""
    with receiving([behaviour]) as receiver:
        begun = time.monotonic()
        with pytest.raises(TransientFailure, match=reason) as raised:
            post(receiver.url, b"{}", {}, SECONDS)
        assert time.monotonic() - begun < SECONDS + 1
        assert "very-private" not in str(raised.value)
        assert len(receiver.requests) == 1, "a redirect was followed"


def test_an_answer_without_end_is_not_read() -> None:
    with receiving(["endless"]) as receiver:
        begun = time.monotonic()
        post(receiver.url, b"{}", {}, 5)
        assert time.monotonic() - begun < 2


def test_nobody_there_and_no_such_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(TransientFailure, match=f"http://127.0.0.1:{port}: .*refused"):
        post(f"http://127.0.0.1:{port}/x", b"{}", {}, SECONDS)
    with pytest.raises(TransientFailure, match=r"http://nowhere\.invalid: "):
        post("http://nowhere.invalid/x", b"{}", {}, SECONDS)


def test_a_receiver_whose_certificate_nobody_signed_gets_nothing() -> None:
    """A plain server behind an https address ends the handshake: nothing was sent."""
    with receiving() as receiver, pytest.raises(TransientFailure, match=r"https://127\.0\.0\.1"):
        post(receiver.url.replace("http:", "https:"), b"{}", {}, SECONDS)
    assert receiver.requests == []
