"""Addresses of the internet: which of them are public.

What belongs here: texts as addresses. What does not: where an address is (`geoip`).

What is public is what `ipaddress` says: an address that IANA's registries of special-purpose addresses (RFC 6890) do
not keep from being global, and that is no multicast group. An IPv4 address written in an IPv6 one counts as itself.
"""

import ipaddress
import socket
from bisect import bisect_right
from functools import lru_cache
from typing import Literal

# Blocks where the answer may change; what it is in each is asked of `ipaddress`, whose versions differ.
_BLOCKS = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32", "192.0.0.170/31", "192.0.2.0/24",
    "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
)  # fmt: skip

Judged = str | Literal["private", "invalid"]


def public_address(text: str) -> Judged:
    """A public address as it is commonly written; `private` for any other address, `invalid` for what is none."""
    text = text.strip()
    try:
        # Takes what `ipaddress` takes: four numbers without leading zeros.
        number = int.from_bytes(socket.inet_pton(socket.AF_INET, text))
    except (OSError, ValueError):
        return _otherwise(text)
    return text if _is_public(number) else "private"


def _otherwise(text: str) -> Judged:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "invalid"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return "private" if not address.is_global or address.is_multicast else str(address)


def _is_public(number: int) -> bool:
    begins, public = _spans()
    return public[bisect_right(begins, number) - 1]


@lru_cache(1)
def _spans() -> tuple[list[int], list[bool]]:
    """All IPv4 addresses as spans with one answer each: their beginnings, ascending, and the answers."""
    networks = [ipaddress.IPv4Network(block) for block in _BLOCKS]
    edges = {int(network.network_address) for network in networks} | {0}
    edges |= {int(network.broadcast_address) + 1 for network in networks}
    begins = sorted(edge for edge in edges if edge < 1 << 32)
    addresses = [ipaddress.IPv4Address(begin) for begin in begins]
    return begins, [address.is_global and not address.is_multicast for address in addresses]
