"""A small MMDB file for tests, written as its format says (https://maxmind.github.io/MaxMind-DB/, version 2.0).

What belongs here: as much of the format as a database of a few IPv4 networks needs.
"""

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path

MARKER = b"\xab\xcd\xefMaxMind.com"


def _control(kind: int, size: int) -> bytes:
    """What stands before a value: its type, and a size below 285."""
    head = bytes([min(size, 29)]) + bytes([kind - 7]) if kind > 7 else bytes([kind << 5 | min(size, 29)])
    return head + (bytes([size - 29]) if size >= 29 else b"")


def encoded(value: object) -> bytes:
    """A value in the format of the data section: maps, arrays, texts, doubles."""
    if isinstance(value, Mapping):
        return _control(7, len(value)) + b"".join(encoded(str(key)) + encoded(item) for key, item in value.items())
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(encoded, value))
    if isinstance(value, str):
        data = value.encode()
        return _control(2, len(data)) + data
    if isinstance(value, float):
        return _control(3, 8) + struct.pack(">d", value)
    raise TypeError(type(value))


def write_mmdb(path: Path, networks: Mapping[str, object]) -> Path:
    """Write a database of IPv4 networks, none inside another, with a record of 32 bits."""
    tree: list[list[int | None]] = [[None, None]]
    data, places = b"", []
    for network, value in networks.items():
        parsed = ipaddress.IPv4Network(network)
        bits = f"{int(parsed.network_address):032b}"[: parsed.prefixlen]
        node = 0
        for bit in bits[:-1]:
            below = tree[node][int(bit)]
            if below is None:
                below = len(tree)
                tree[node][int(bit)] = below
                tree.append([None, None])
            node = below
        places.append((node, int(bits[-1]), len(data)))
        data += encoded(value)
    count = len(tree)
    leaves = {(node, bit): count + 16 + offset for node, bit, offset in places}
    section = b"".join(
        struct.pack(">I", leaves.get((node, bit), count if below is None else below))
        for node, pair in enumerate(tree)
        for bit, below in enumerate(pair)
    )
    unsigned = {  # 5, 6, 9: whole numbers of 16, 32 and 64 bits
        "binary_format_major_version": _control(5, 2) + struct.pack(">H", 2),
        "binary_format_minor_version": _control(5, 1) + bytes([0]),
        "build_epoch": _control(9, 8) + struct.pack(">Q", 1),
        "ip_version": _control(5, 2) + struct.pack(">H", 4),
        "node_count": _control(6, 4) + struct.pack(">I", count),
        "record_size": _control(5, 2) + struct.pack(">H", 32),
    }
    told = {"database_type": "Test", "description": {"en": "test"}, "languages": ["en"]}
    metadata = _control(7, len(unsigned) + len(told))
    metadata += b"".join(encoded(name) + value for name, value in unsigned.items())
    metadata += b"".join(encoded(name) + encoded(value) for name, value in told.items())
    path.write_bytes(section + bytes(16) + data + MARKER + metadata)
    return path
