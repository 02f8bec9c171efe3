"""Logins of servers out of variables of their own: SSH_PASSWORD_<NAME>, SSH_PASSWORD, FTP_HOST, FTP_USER, FTP_PASS.

What belongs here: which variable fills in what the settings leave out. What does not: LOGPLATFORM_… variables, which
win over these (`environment`).
"""

import re
from collections.abc import Iterator, Mapping

from logplatform.settings.environment import Override, Variable
from logplatform.settings.mistakes import KeyPath, value_at

_LISTS: tuple[tuple[str, str], ...] = (("archives", "sources"), ("machines", "sources"), ("uploads", "inboxes"))
_FTP = {"host": ("FTP_HOST",), "port": ("FTP_PORT",), "user": ("FTP_USER",), "password": ("FTP_PASS", "FTP_PASSWORD")}


def password_name(server: str, prefix: str = "SSH_PASSWORD") -> str:
    """The variable of a server's password: SSH_PASSWORD_<NAME>, with `_` for what no variable's name may hold."""
    return f"{prefix}_{re.sub(r'[^A-Z0-9]', '_', server.upper())}"


def logins(raw: Mapping[str, object], variables: Mapping[str, Variable]) -> Iterator[Override]:
    """What the variables give to sources of `raw` (the whole settings as read) that do not say it themselves."""
    for domain, key in _LISTS:
        listed = value_at((domain, key), raw)
        for index, source in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(source, dict):
                for field, names in _names(source).items():
                    if source.get(field) is None:
                        yield from _first((domain, key, index, field), names, variables)


def _names(source: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """Which variables fill in which field of a source, the first that is set."""
    name = str(source.get("name", ""))
    if source.get("type") == "sftp":
        # A password for all servers is not told to one that a key opens.
        common = ("SSH_PASSWORD",) if source.get("key_file") is None else ()
        return {"password": (password_name(name), *common)}
    if source.get("type") == "ftp":
        return _FTP | {"password": (password_name(name, "FTP_PASS"), *_FTP["password"])}
    return {}


def _first(path: KeyPath, names: tuple[str, ...], variables: Mapping[str, Variable]) -> Iterator[Override]:
    for name in names:
        variable = variables.get(name)
        if variable is not None and variable.value:
            yield Override(path, variable.value, variable.place)
            return
