"""Where an address is: its country, or its city where a database of cities is given.

What belongs here: the Protocol `Locator` and its two implementations. What does not: what an address is (`addresses`),
and which fields hold addresses (`enrich`).

The default needs no download: the package iptocc knows the country to which the regional internet registries have
assigned an address; its place is then the country's centre, by The World Factbook (`countries.csv`, degrees; the
fact book is in the public domain). Any database in the MMDB format can take its place
(https://maxmind.github.io/MaxMind-DB/).
"""

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Literal, Protocol

import maxminddb
from iptocc import country_code

from logplatform.failures import PermanentFailure
from logplatform.uploads.addresses import public_address

Accuracy = Literal["city", "country"]

CACHED_ADDRESSES = 65_536


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address is. Degrees; `accuracy` country: latitude and longitude are the country's centre."""

    country_name: str | None
    country_code: str | None
    city_name: str | None
    latitude: float | None
    longitude: float | None
    accuracy: Accuracy


Located = Place | Literal["missing", "private", "unknown", "invalid"]
"""missing: nothing was given; private: not on the public internet, so it has no place; unknown: not in the database;
invalid: no address."""


class Locator(Protocol):
    """Knows places of public addresses, in their common writing."""

    def place(self, address: str) -> Place | None:
        """The place, None if it is not known."""
        ...


class CountryLocator:
    """Countries by the registries' assignments; see the module."""

    def __init__(self) -> None:
        self._places = country_places()

    def place(self, address: str) -> Place | None:
        """The country's centre."""
        code = country_code(address)
        return self._places.get(code) if code else None


class MmdbLocator:
    """Places by an MMDB file, such as GeoLite2 City or DB-IP City; it is read into memory by the system as needed."""

    def __init__(self, path: Path) -> None:
        """Open `path`; PermanentFailure if it is no such file."""
        self._path = path
        self._centres = country_places()
        try:
            self._reader = maxminddb.open_database(path)
        except (OSError, maxminddb.InvalidDatabaseError) as error:
            raise PermanentFailure(f"{path}: no usable GeoIP database: {error}") from error

    def place(self, address: str) -> Place | None:
        """The city, or the country's centre where the database tells no more."""
        try:
            found = self._reader.get(address)
        except maxminddb.InvalidDatabaseError as error:
            raise PermanentFailure(f"{self._path}: the GeoIP database is damaged: {error}") from error
        except ValueError:
            return None  # An IPv6 address in a database of IPv4 ones.
        return self._read(found) if isinstance(found, dict) else None

    def close(self) -> None:
        """Give the file back."""
        self._reader.close()

    def _read(self, found: Mapping[str, object]) -> Place | None:
        country = _below(found, "country") or _below(found, "registered_country")
        code = country.get("iso_code")
        centre = self._centres.get(str(code))
        city = _below(_below(found, "city"), "names").get("en")
        location = _below(found, "location")
        latitude, longitude = location.get("latitude"), location.get("longitude")
        if isinstance(city, str) and isinstance(latitude, int | float) and isinstance(longitude, int | float):
            name = _below(country, "names").get("en") or (centre.country_name if centre else None)
            code_text = None if code is None else str(code)
            return Place(None if name is None else str(name), code_text, city, latitude, longitude, "city")
        return centre


class GeoIp:
    """A locator that judges texts, and remembers the last addresses."""

    def __init__(self, locator: Locator, cached: int = CACHED_ADDRESSES) -> None:
        self._locator = locator
        self.find: Callable[[str | None], Located] = lru_cache(cached)(self._find)

    def find_all(self, texts: Iterable[str | None]) -> list[Located]:
        """What is known of each."""
        return list(map(self.find, texts))

    def _find(self, text: str | None) -> Located:
        if not text:
            return "missing"
        address = public_address(text)
        if address == "private":
            return "private"
        if address == "invalid":
            return "invalid"
        return self._locator.place(address) or "unknown"


def open_geoip(database: Path | None) -> GeoIp:
    """By the MMDB file `database`, or by the bundled countries; PermanentFailure if the file cannot be used."""
    return GeoIp(CountryLocator() if database is None else MmdbLocator(database))


@lru_cache(1)
def country_places() -> Mapping[str, Place]:
    """Every country's centre by its ISO 3166 code."""
    with (files("logplatform.uploads") / "countries.csv").open(encoding="utf-8") as file:
        return {
            row["code"]: Place(
                row["name"], row["code"], None, float(row["latitude"]), float(row["longitude"]), "country"
            )
            for row in csv.DictReader(file)
        }


def _below(found: Mapping[str, object], name: str) -> Mapping[str, object]:
    """A nested map, empty if there is none: what a database holds is its maker's business."""
    below = found.get(name)
    return below if isinstance(below, dict) else {}
