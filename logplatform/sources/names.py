"""Names of files as text that any database takes, and back, without losing one.

What belongs here: the spelling. What does not: where names come from.

A name that is not UTF-8 has surrogates in Python, which no database takes: they are moved to private characters and
back (the byte 0x80 + n becomes U+F780 + n). A name that holds one of these characters itself is spelt by its three
bytes in the same way, so that no two names get one text.
"""

_BYTE = 0xF780
_TO_TEXT: dict[int, int | str] = {0xDC80 + n: _BYTE + n for n in range(128)}
_TO_TEXT |= {_BYTE + n: "".join(chr(_BYTE + byte - 0x80) for byte in chr(_BYTE + n).encode()) for n in range(128)}
_TO_NAME = {_BYTE + n: 0xDC80 + n for n in range(128)}


def name_text(name: str) -> str:
    """The text of a name as the file system gave it to Python: any name has one that a database takes."""
    # Most names are ASCII, and a listing may be a million of them.
    return name if name.isascii() else name.translate(_TO_TEXT)


def text_name(text: str) -> str:
    """The name that `name_text` spelt, as Python gives it to a file system."""
    return text if text.isascii() else text.translate(_TO_NAME)
