"""Forms taken apart: the same pieces whatever the portions, and no bytes that raise anything but BadForm."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logplatform.api.multipart import BadForm, FormReader, PartBegan, PartData, boundary_of, part_of

BOUNDARY = b"----form"


def form(*parts: tuple[bytes, bytes]) -> bytes:
    body = b"".join(b"--%b\r\nContent-Disposition: %b\r\n\r\n%b\r\n" % (BOUNDARY, *part) for part in parts)
    return body + b"--%b--\r\n" % BOUNDARY


def read(body: bytes, size: int) -> list[tuple[PartBegan, bytes]]:
    reader = FormReader(BOUNDARY)
    found: list[tuple[PartBegan, bytes]] = []
    whole: list[bool] = []
    for start in range(0, len(body), size):
        for piece in reader.feed(body[start : start + size]):
            if isinstance(piece, PartBegan):
                found.append((piece, b""))
            elif isinstance(piece, PartData):
                found[-1] = (found[-1][0], found[-1][1] + piece.data)
            else:
                whole.append(True)
    reader.close()
    assert len(whole) == len(found)
    return found


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=60).map(lambda data: data.replace(b"form", b"\r\n--"))), st.integers(1, 90))
def test_parts_come_whole_whatever_the_portions(contents: list[bytes], size: int) -> None:
    """Content may hold anything but the boundary, beginnings of it too."""
    if not contents:
        return
    parts = [(b'form-data; name="file"; filename="%d.csv"' % number, data) for number, data in enumerate(contents)]
    expected = [(PartBegan("file", f"{number}.csv"), data) for number, data in enumerate(contents)]
    assert read(form(*parts), size) == expected


@settings(max_examples=200)
@given(st.binary(max_size=400), st.integers(1, 50))
def test_no_body_raises_anything_else(body: bytes, size: int) -> None:
    for tried in (body, b"--" + BOUNDARY + b"\r\n" + body, form((body, b"x"))):
        with suppress(BadForm):
            assert all(isinstance(began, PartBegan) for began, _ in read(tried, size))


@settings(max_examples=200)
@given(st.binary(max_size=200) | st.text("filename*'0123%;=\"\\ utf-8", max_size=80).map(str.encode))
def test_no_header_raises(disposition: bytes) -> None:
    for tried in (disposition, b"form-data; " + disposition, b"form-data; name=file; filename*" + disposition):
        name = part_of(tried).filename
        assert name is None or name.isprintable() or not any(ord(char) < 32 for char in name)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b'form-data; name="file"; filename="a.csv"', "a.csv"),
        (b"form-data; name=file; filename=a.csv", "a.csv"),
        (b'form-data; name="file"; FileName="a.csv"', "a.csv"),
        ('form-data; name="file"; filename="Übersicht é.csv"'.encode(), "Übersicht é.csv"),
        ('form-data; name="file"; filename="é.csv"'.encode("latin-1"), "é.csv"),
        (b'form-data; name="file"; filename="a \\"b\\" \\\\ c; d.csv"', 'a "b" \\ c; d.csv'),
        (b'form-data; name="file"; filename="C:\\new\\table.csv"', "C:\\new\\table.csv"),
        (b'form-data; name="file"; filename="x.csv"; filename*=UTF-8\'\'%e2%82%ac.csv', "€.csv"),
        (b"form-data; name=\"file\"; filename*=iso-8859-1'en'%A3.csv", "£.csv"),
        (b"form-data; name=\"file\"; filename*=UTF-8''%ff%fe.csv", "��.csv"),
        (b'form-data; name="file"; filename*=koi8-r\'\'%C1.csv; filename="plain.csv"', "plain.csv"),
        (b'form-data; name="file"; filename*0*=UTF-8\'\'%e2%82; filename*1*=%ac; filename*2=".csv"', "€.csv"),
        (b'form-data; name="file"; filename*0="long"; filename*1="er.csv"', "longer.csv"),
        (b'form-data; name="file"; filename="a\x00\x01\x7f.csv"', "a.csv"),
        (b'form-data; name="file"; filename=""', ""),
        (b'form-data; name="file"', None),
        (b"", None),
    ],
)
def test_names_in_every_form(disposition: bytes, name: str | None) -> None:
    assert part_of(disposition).filename == name


def test_a_body_that_is_cut_is_malformed() -> None:
    whole = form((b'form-data; name="file"; filename="a.csv"', b"a\n1\n"))
    for end in range(len(whole) - 3):
        with pytest.raises(BadForm):
            read(whole[:end], 7)
    assert read(whole + b"epilogue", 7) == read(whole, 1_000)


@pytest.mark.parametrize(
    "body",
    [
        b"no form at all",
        b"--" + BOUNDARY + b"\r\n" + b"X" * 100_000,
        b"--" + BOUNDARY + b"\r\nA: " + b"x" * 100_000,
        b"--" + BOUNDARY + b"\r\n" + b"A: b\r\n" * 1_000,
        b"--" + BOUNDARY + b"\r\n: b\r\n",
        b"--" + BOUNDARY + b"\nA: b\n\n",
        b"",
    ],
)
def test_hostile_bodies_are_malformed(body: bytes) -> None:
    with pytest.raises(BadForm):
        read(body, 65_536)


def test_the_boundary_comes_from_the_content_type() -> None:
    assert boundary_of('multipart/form-data; boundary="a b"') == b"a b"
    assert boundary_of("Multipart/Form-Data;charset=utf-8;boundary=x") == b"x"
    assert boundary_of("application/json") is None
    assert boundary_of("") is None
    for told in ("multipart/form-data", "multipart/form-data; boundary=", 'multipart/form-data; boundary=""'):
        with pytest.raises(BadForm):
            boundary_of(told)
    with pytest.raises(BadForm):
        FormReader(b"x" * 1_000)
