"""Places of addresses: public ones have a country, private ones none, a database of one's own knows cities."""

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logplatform.failures import PermanentFailure
from logplatform.uploads.addresses import public_address
from logplatform.uploads.geoip import Place, country_places, open_geoip
from logplatform_tests.uploads.mmdb import write_mmdb

PARIS = {
    "city": {"names": {"en": "Paris"}},
    "country": {"iso_code": "FR", "names": {"en": "France"}},
    "location": {"latitude": 48.85, "longitude": 2.35},
}


def test_a_public_address_has_a_country_without_any_download() -> None:
    """The bundled data is enough for a map of countries."""
    found = open_geoip(None).find("8.8.8.8")
    assert found == Place("United States", "US", None, 38, -97, "country")
    assert open_geoip(None).find(" ::ffff:8.8.8.8 ") == found
    assert isinstance(open_geoip(None).find("2001:4860:4860::8888"), Place)


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "192.168.1.9", "127.0.0.1", "::1", "fe80::1%eth0", "100.64.0.1", "224.0.0.1"],
)
def test_private_ranges_are_skipped(address: str) -> None:
    """They are at home everywhere: no lookup, and no failure."""
    assert open_geoip(None).find(address) == "private"


@given(st.text(max_size=40))
def test_any_text_is_judged(text: str) -> None:
    """An address field may hold anything."""
    found = open_geoip(None).find(text)
    assert isinstance(found, Place) or found in {"missing", "private", "unknown", "invalid"}
    assert (found == "missing") is (text == "")


def test_every_country_has_a_centre_on_the_map() -> None:
    """A typing mistake in the table would put a country into the sea, or nowhere."""
    places = country_places()
    assert len(places) > 245
    for code, place in places.items():
        assert len(code) == 2
        assert place.latitude is not None
        assert place.longitude is not None
        assert -90 <= place.latitude <= 90
        assert -180 <= place.longitude <= 180


def test_a_database_of_ones_own_knows_cities(tmp_path: Path) -> None:
    """Any MMDB file takes the place of the bundled data; where it knows the country only, the centre stands in."""
    networks = {"8.8.8.0/24": PARIS, "9.9.0.0/16": {"country": {"iso_code": "DE"}}, "1.1.1.0/24": {"odd": "record"}}
    geoip = open_geoip(write_mmdb(tmp_path / "city.mmdb", networks))
    assert geoip.find("8.8.8.8") == Place("France", "FR", "Paris", 48.85, 2.35, "city")
    assert geoip.find("9.9.200.1") == country_places()["DE"]
    assert geoip.find("1.1.1.1") == "unknown"
    assert geoip.find("77.1.1.1") == "unknown"
    assert geoip.find("2001:4860:4860::8888") == "unknown"


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    """A wrong path in the settings must be understood at once."""
    wrong = tmp_path / "wrong.mmdb"
    wrong.write_bytes(b"nothing")
    for path in (wrong, tmp_path / "missing.mmdb"):
        with pytest.raises(PermanentFailure, match=path.name):
            open_geoip(path)


EDGES = st.sampled_from([*range(0, 1 << 32, 1 << 24), 0xC0000000, 0xC0A80000, 0xAC100000, 0xC6336400, 0x64400000])


@given(st.integers(0, (1 << 32) - 1) | st.builds(int.__add__, EDGES, st.integers(-300, 300)))
def test_what_is_public_is_what_the_registries_say(number: int) -> None:
    """The quick way must never judge an address otherwise than the standard library does."""
    address = ipaddress.IPv4Address(number % (1 << 32))
    expected = str(address) if address.is_global and not address.is_multicast else "private"
    assert public_address(str(address)) == expected
    assert public_address(f"::ffff:{address}") == expected


@given(st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,4}){2,4}", fullmatch=True) | st.text("0123456789.:af \0", max_size=20))
def test_what_is_an_address_is_what_the_standard_library_takes(text: str) -> None:
    """No short forms, no leading zeros, as an address is written in a log."""
    try:
        ipaddress.ip_address(text.strip())
    except ValueError:
        assert public_address(text) == "invalid"
    else:
        assert public_address(text) != "invalid"
