"""Forms with files (multipart/form-data, RFC 7578), taken apart as their bytes come.

What belongs here: bytes to pieces of parts, and the parameters of headers. What does not: what becomes of a part.

File names come as quoted text in UTF-8 (browsers, curl), or in latin-1; as `filename*=UTF-8''…` (RFC 5987), or in
numbered sections (RFC 2231). Of several forms the extended one counts, for the plain one is then its substitute.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

MAX_HEADER_BYTES = 16 << 10
MAX_HEADERS = 16

_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
_SECTION = re.compile(r"filename\*(\d{1,3})(\*?)")
_ESCAPED = re.compile(r'\\(["\\])')
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CHARSETS = {"utf-8": "utf-8", "utf8": "utf-8", "iso-8859-1": "latin-1", "us-ascii": "ascii"}

# The parser warns of every odd byte; whoever sends it is told, and nobody else needs to know.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())
logging.getLogger("python_multipart").propagate = False


class BadForm(ValueError):
    """The body is no form; the message tells why, fit for the answer to the sender."""


@dataclass(frozen=True, slots=True)
class PartBegan:
    """A part begins: the field's name, and the file's name if it is a file (empty: none was chosen)."""

    field: str
    filename: str | None


@dataclass(frozen=True, slots=True)
class PartData:
    """The next bytes of the part."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnded:
    """The part is whole."""


Piece = PartBegan | PartData | PartEnded


def boundary_of(content_type: str) -> bytes | None:
    """The boundary that a Content-Type tells; None if it is no form with files. Raises BadForm if it tells none."""
    kind, _, _ = content_type.partition(";")
    if kind.strip().lower() != "multipart/form-data":
        return None
    boundary = _parameters(content_type).get("boundary", "")
    if not boundary:
        raise BadForm("Malformed multipart: the Content-Type tells no boundary")
    return boundary.encode("latin-1", "replace")


class FormReader:
    """Takes a form's bytes in any portions and gives its pieces; holds no more than one header.

    `feed` and `close` raise BadForm.
    """

    def __init__(self, boundary: bytes) -> None:
        self._pieces: list[Piece] = []
        self._headers: dict[bytes, bytes] = {}
        self._name = b""
        self._value = b""
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._headers.clear,
                    "on_header_begin": self._begin_header,
                    "on_header_field": self._on_name,
                    "on_header_value": self._on_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._begin_part,
                    "on_part_data": self._on_data,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
                max_header_count=MAX_HEADERS,
                max_header_size=MAX_HEADER_BYTES,
            )
        except FormParserError as error:
            raise BadForm(f"Malformed multipart: {error}") from error

    def feed(self, data: bytes) -> list[Piece]:
        """The pieces that these bytes complete."""
        self._pieces = []
        try:
            # What follows the last boundary is to be ignored (RFC 2046, 5.1.1).
            if not self._ended:
                self._parser.write(data)
        except FormParserError as error:
            raise BadForm(f"Malformed multipart: {error}") from error
        return self._pieces

    def close(self) -> None:
        """To be called when the body has ended: it must have ended with the last boundary."""
        if not self._ended:
            raise BadForm("Malformed multipart: the body ends before its last boundary")

    def _begin_header(self) -> None:
        self._name = self._value = b""

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._name.lower()] = self._value

    def _begin_part(self) -> None:
        self._pieces.append(part_of(self._headers.get(b"content-disposition", b"")))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._pieces.append(PartData(data[start:end]))

    def _end_part(self) -> None:
        self._pieces.append(PartEnded())

    def _end(self) -> None:
        self._ended = True


def part_of(disposition: bytes) -> PartBegan:
    """What a Content-Disposition tells of its part; no bytes raise."""
    parameters = _parameters(_text(disposition))
    name = _file_name(parameters)
    return PartBegan(parameters.get("name", ""), None if name is None else _CONTROLS.sub("", name))


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _parameters(header: str) -> dict[str, str]:
    """The parameters of a header, names in lower case; of a name that comes twice the first counts."""
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(header):
        value = match[2].strip()
        if len(value) >= 2 and value[0] == value[-1] == '"':
            value = _ESCAPED.sub(r"\1", value[1:-1])
        found.setdefault(match[1].lower(), value)
    return found


def _file_name(parameters: Mapping[str, str]) -> str | None:
    extended = parameters.get("filename*")
    whole = None if extended is None else _extended(extended)
    if whole is None:
        whole = _joined(parameters)
    return parameters.get("filename") if whole is None else whole


def _extended(value: str) -> str | None:
    """`charset'language'percent-encoded`; None for what is none, or a charset that is not known."""
    charset, first, rest = value.partition("'")
    _, second, encoded = rest.partition("'")
    codec = _CHARSETS.get(charset.strip().lower())
    if not (first and second) or codec is None:
        return None
    return unquote_to_bytes(encoded).decode(codec, "replace")


def _joined(parameters: Mapping[str, str]) -> str | None:
    """The sections `filename*0*`, `filename*1`, … up to the first that is missing; None if there are none."""
    sections = {int(m[1]): (m[2], value) for key, value in parameters.items() if (m := _SECTION.fullmatch(key))}
    if 0 not in sections:
        return None
    charset, encoded = "", b""
    for number in range(len(sections)):
        if number not in sections:
            break
        star, value = sections[number]
        if star and number == 0:
            charset, _, rest = value.partition("'")
            value = rest.partition("'")[2]
        encoded += unquote_to_bytes(value) if star else value.encode()
    return encoded.decode(_CHARSETS.get(charset.strip().lower(), "utf-8"), "replace")
