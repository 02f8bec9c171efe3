"""The commented settings file that `logplatform init` writes, made from the model itself, so it cannot lag behind.

What belongs here: settings as commented YAML. What does not: deciding what stands in it (`importer`), and writing
it to the disk (the command line).
"""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from logplatform.settings.base import Section
from logplatform.settings.importer import Imported, Taken
from logplatform.settings.model import Settings

WIDTH = 110
_HEADER = """\
logplatform settings. A line such as `#tenant: default` shows a default: take the `#` away to change it.
`logplatform config check` tells every mistake with its place and the fix; `logplatform config show` tells every
value and where it came from. After this file come `.env` beside it and the environment, the last one wins:
LOGPLATFORM_MACHINES__GAP_MINUTES=5 sets gap_minutes under machines. Secrets belong there, not here."""
_EXAMPLES: dict[tuple[str, ...], list[dict[str, object]]] = {
    ("archives", "sources"): [
        {"name": "web1", "type": "folder", "path": "/srv/logs/web1", "patterns": ["*.gz"], "timezone": "UTC"},
        {"name": "kafka1", "type": "folder", "path": "/srv/logs/kafka1", "delete_source": False},
        {"name": "db1", "type": "sftp", "host": "db1.example.com", "user": "logs", "remote_path": "/var/log/apps/*.gz"},
    ],
    ("machines", "sources"): [
        {
            "name": "plant",
            "type": "folder",
            "path": "/srv/machines",
            "timezone": "Europe/Paris",
            "folders": {
                "DEM12 (PVC)": {"nom": "DEM12", "type_cu": "PVC"},
                "DEMALU (ALU)": {"nom": "DEMALU", "type_cu": "ALU"},
                "SU12 (HYBRIDE)": {"nom": "SU12", "type_cu": "HYBRIDE"},
            },
        },
        {
            "name": "plant2",
            "type": "ftp",
            "host": "ftp.example.com",
            "user": "machines",
            "tls": True,
            "folders": {"DEM13 (PVC)": "DEM13"},
        },
    ],
    ("uploads", "inboxes"): [{"name": "partner", "path": "/srv/incoming", "patterns": ["*.csv", "*.json"]}],
}
_NOT_USABLE = "Servers from the import that cannot be used as they are; what each lacks is told at the end:"


def render(imported: Imported | None = None) -> str:
    """A whole settings file: what `imported` sets stands in it, every other key as a comment with its default.

    Values that have no key yet follow at the end as comments; secrets are not in it.
    """
    imported = imported or Imported()
    lines = [*_comment(_HEADER, ""), ""]
    lines += _section(Settings, imported.values, "", (), imported.servers)
    lines += _kept([taken for taken in imported.taken if taken.fate in ("kept", "refused", "repeated")])
    return "\n".join(lines) + "\n"


def _section(
    section: type[Section], given: Mapping[str, Any], indent: str, path: tuple[str, ...], servers: Sequence[object]
) -> Iterator[str]:
    for name, field in section.model_fields.items():
        below = field.annotation
        if isinstance(below, type) and issubclass(below, Section):
            yield from () if path else ("",)
            yield from _comment(_first_sentence(below), indent)
            yield f"{indent}{name}:"
            yield from _section(below, given.get(name, {}), f"{indent}  ", (*path, name), servers)
        elif name == "sources":
            yield from _comment(field.description or "", indent)
            yield from _sources((*path, name), given.get(name), indent, servers if path[0] == "archives" else ())
        elif (*path, name) in _EXAMPLES and name not in given:
            yield from _comment(f"{field.description or ''} There is none; for example:", indent)
            yield from _yaml({name: _EXAMPLES[*path, name]}, f"{indent}#")
        else:
            yield from _comment(field.description or "", indent)
            yield from _value(name, field, given, indent)


def _value(name: str, field: FieldInfo, given: Mapping[str, Any], indent: str) -> Iterator[str]:
    if name in given:
        yield from _yaml({name: _plain(given[name])}, indent)
    else:
        yield from _yaml({name: _plain(field.get_default(call_default_factory=True))}, f"{indent}#")


def _sources(path: tuple[str, ...], given: object, indent: str, servers: Sequence[object]) -> Iterator[str]:
    if given:
        yield from _yaml({"sources": given}, indent)
    else:
        yield f"{indent}sources: []"
        yield from _comment("For example, in place of the line above:", indent)
        yield from _yaml({"sources": _EXAMPLES[path]}, f"{indent}#")
    if servers:
        yield from _comment(_NOT_USABLE, indent)
        yield from _yaml(list(servers), f"{indent}#  ")


def _kept(kept: Sequence[Taken]) -> Iterator[str]:
    if not kept:
        return
    yield ""
    yield from _comment(
        "Kept from the existing systems: values that are not set above, with the place they belong to.", ""
    )
    for taken in kept:
        reason = f" ({taken.note})" if taken.note else ""
        yield from _comment(f"{taken.target or 'no place is known'} <- {taken.place}{reason}", "")
        yield from _comment_as_is(f"{taken.name}={taken.shown}" if taken.shown else taken.name, "  ")


def _comment(text: str, indent: str) -> Iterator[str]:
    for line in textwrap.wrap(" ".join(text.split()), WIDTH - len(indent) - 2):
        yield f"{indent}# {line}"


def _comment_as_is(text: str, indent: str) -> Iterator[str]:
    # A value may hold anything; a line break or another control character in it must not end the comment.
    yield f"#{indent}{text.encode('unicode_escape').decode('ascii') if not text.isprintable() else text}"


def _first_sentence(section: type[Section]) -> str:
    return (section.__doc__ or "").split("\n\n", 1)[0]


def _yaml(value: object, indent: str) -> Iterator[str]:
    text = _dumped(value, allow_unicode=True)
    # YAML 1.1 takes these for line ends, so written as they are they would end a comment.
    if any(mark in text for mark in "\x85\u2028\u2029"):
        text = _dumped(value, allow_unicode=False)
    return (f"{indent}{line}".rstrip() for line in text.rstrip("\n").split("\n"))


def _dumped(value: object, *, allow_unicode: bool) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=allow_unicode, width=WIDTH, default_flow_style=False)


def _plain(value: object) -> object:
    """A settings value as YAML can hold it; None, an empty line to fill in, for secrets."""
    if value is None or isinstance(value, SecretStr):
        return None
    if isinstance(value, Section):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, bool | int | float | str) else str(value)
