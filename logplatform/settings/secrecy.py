"""Which values of variables are secrets, told by their names and by their form.

What belongs here: telling. What does not: hiding them (`logplatform.logs`, the command line) and keeping them (`.env`).
"""

import re

_NAME = re.compile(
    r"(.*_)?(PASS(WORD|WD|PHRASE)?|SECRET|TOKEN|CREDENTIALS?)(_.*)?|.+_PWD|.*(API|SECRET|PRIVATE|ACCESS|HASH)_KEY"
)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/@\s:]*)(?::([^/\s]*))?@", re.IGNORECASE)
_WORDS = frozenset({"true", "false", "none", "null", "yes", "no"})
_MIN_CHARACTERS = 4


def is_secret(name: str, value: str) -> bool:
    """Whether a value must not be shown: its name says so, or it is an address with a user or password in it."""
    return bool(_NAME.fullmatch(name.upper()) or _ADDRESS.search(value))


def secret_part(name: str, value: str) -> str:
    """What of a value must be hidden wherever it occurs in a text: all of it, or an address' password; "" for none.

    Under 4 characters, and words such as `true`, are left alone: to hide each place where they happen to stand would
    destroy the text and hide nothing.
    """
    address = _ADDRESS.search(value)
    found = address[1] if address else value
    if found is None or not (address or _NAME.fullmatch(name.upper())):
        return ""
    return found if len(found) >= _MIN_CHARACTERS and found.lower() not in _WORDS else ""
