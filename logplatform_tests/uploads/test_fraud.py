"""The fraud score: each rule alone and at its border, and together."""

from hypothesis import given
from hypothesis import strategies as st

from logplatform.uploads.fraud import FraudRules, Scored, Transaction, scored

MINUTE = 60_000_000


def paid(
    minute: float,
    user_id: str = "U1",
    amount: float = 10.0,
    ip: str = "8.8.8.8",
    country_code: str = "US",
    status: str = "completed",
) -> Transaction:
    return Transaction("id", user_id, round(minute * MINUTE), amount, ip, country_code, status)


def scores(*transactions: Transaction) -> list[int]:
    return [one.score for one in scored(transactions)]


def test_a_first_ordinary_transaction_is_not_suspicious() -> None:
    """There is nothing it could be compared with."""
    assert list(scored([paid(0)])) == [Scored(paid(0), 0, ())]


def test_a_high_amount() -> None:
    """Above the limit, not at it."""
    assert scores(paid(0, amount=10_000.0), paid(60, amount=10_000.01)) == [0, 20]


def test_more_than_three_within_five_minutes() -> None:
    """The fourth is one too many; one that is five minutes old no longer counts."""
    assert scores(paid(0), paid(1), paid(2), paid(4.9)) == [0, 0, 0, 25]
    assert scores(paid(0), paid(1), paid(2), paid(5)) == [0, 0, 0, 0]


def test_an_unusual_country() -> None:
    """Usual is what makes up a fifth of what came before."""
    trip = [paid(60 * n) for n in range(4)] + [paid(300, country_code="FR"), paid(360, country_code="FR")]
    assert scores(*trip) == [0, 0, 0, 0, 15, 0]


def test_an_address_never_seen() -> None:
    """The second time it is known."""
    assert scores(paid(0), paid(60, ip="9.9.9.9"), paid(120, ip="9.9.9.9")) == [0, 30, 0]


def test_three_failed_within_an_hour() -> None:
    """The third failure counts, and so does what is tried after it."""
    failed = [paid(10 * n, status="FAILED") for n in range(3)]
    assert scores(*failed, paid(40), paid(75)) == [0, 0, 20, 20, 0]


def test_users_do_not_share_a_history() -> None:
    """Another user's addresses say nothing."""
    assert scores(paid(0), paid(60, user_id="U2", ip="9.9.9.9", country_code="FR")) == [0, 0]


def test_points_add_up_to_a_hundred_at_most_and_each_has_a_reason() -> None:
    """Whoever is alerted reads why."""
    bad = [paid(n, status="declined", amount=20_000.0) for n in range(4)]
    last = list(scored([*bad, paid(4.5, status="declined", amount=20_000.0, ip="9.9.9.9", country_code="FR")]))[-1]
    assert last.score == 100
    assert last.reasons == (
        "amount above 10,000", "5 transactions within 5 minutes", "5 failed within 60 minutes",
        "country FR is not usual for the user", "address 9.9.9.9 was never seen for the user",
    )  # fmt: skip
    assert last.score >= FraudRules().threshold


@given(
    st.lists(
        st.builds(
            Transaction,
            st.just("id"),
            st.sampled_from(["U1", "U2"]),
            st.integers(0, 10**10),
            st.none() | st.floats(0, 1e6),
            st.none() | st.sampled_from(["a", "b"]),
            st.none() | st.sampled_from(["US", "FR"]),
            st.none() | st.sampled_from(["failed", "completed"]),
        )
    )
)
def test_any_history_gives_scores_from_0_to_100(history: list[Transaction]) -> None:
    """Each transaction is scored once; points and reasons come together."""
    found = list(scored(sorted(history, key=lambda one: (one.user_id, one.at))))
    assert len(found) == len(history)
    assert all(0 <= one.score <= 100 and bool(one.score) == bool(one.reasons) for one in found)
