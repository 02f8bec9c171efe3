"""The quick way to a block's objects gives what the slow way gives, whatever the objects are."""

import json

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from logplatform.uploads.json_shapes import MOST_KEYS, BlockDecoder, ShapedRecords
from logplatform.uploads.json_text import decode_one
from logplatform.uploads.records import JsonRecords

KEYS = st.sampled_from(["timestamp", "amount", "log_type", "a", "é", "", 'qu"ote', "line\nend", "x" * 80])
SCALARS = st.sampled_from(
    ["null", "1", "-0", "1.5", "1e999", "9" * 400, "true", '"x"', '"\\u00e9"', '"\\ud800"', '"\\q"', "[]", '{"b":[1]}',
     "[1,]", "NaN", '"\x01"', "01", "tru", "[" * 120 + "]" * 120, '"\\ud83d\\ude00"'],
)  # fmt: skip
PAIRS = st.lists(st.tuples(KEYS.map(json.dumps) | st.sampled_from(['"\\u0061"', '"\\q"', "a"]), SCALARS), max_size=4)
OBJECTS = PAIRS.map(lambda pairs: ("{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}").encode())
TEXTS = OBJECTS | st.sampled_from(
    [b"{}", b"[]", b"1", b'{"a":1}x', b'{"a":"\xff"}', b'{"\xff":1}', b'{"zz":"\xff"}', b"{"]
)
GOOD = st.lists(
    st.dictionaries(st.sampled_from(["timestamp", "amount", "a", "é"]), st.integers() | st.text("ab"), max_size=3),
    min_size=1,
    max_size=3,
)


@settings(max_examples=200)
@given(st.lists(GOOD, max_size=2), st.lists(TEXTS, min_size=1, max_size=3))
@example([[{"a": 1}]], [b'{"a":1e999}'])
@example([[{"a": 1}]], [b'{"a":1,"a":[2]}', b'{"\\u0061":3}'])
@example([[{"a": 1}]], [b'{"a":1}', b'{"b":"\xff"}'])
def test_a_block_is_the_same_whatever_came_before_it(before: list[list[dict[str, object]]], texts: list[bytes]) -> None:
    """The same objects are taken and refused, with the same values, whether their keys are known yet or not."""
    decoder = BlockDecoder()
    for rows in before:
        assert decoder.records([json.dumps(row).encode() for row in rows]) is not None
    found = decoder.records(texts)
    expected = [decode_one(text) for text in texts]
    if found is None or any(isinstance(one, str) for one in expected):
        assert found is None
        assert any(isinstance(one, str) for one in expected)
        return
    rows = [one for one in expected if isinstance(one, dict)]
    assert [found.record(index) for index in range(len(found))] == rows
    assert list(found.sources()) == texts
    for name in {key for row in rows for key in row} | {"timestamp", "missing"}:
        assert list(found.column(name)) == [row.get(name) for row in rows]
        assert name in found.names or not any(name in row for row in rows)


def test_keys_of_earlier_blocks_are_decoded_as_structures() -> None:
    """It is the quick way that most blocks go, else the test above would say nothing of it."""
    decoder = BlockDecoder()
    kinds = [type(decoder.records([text])) for text in (b'{"a":1}', b'{"a":2}', b'{"a":2,"b":1}', b'{"b":1}')]
    assert kinds == [JsonRecords, ShapedRecords, JsonRecords, ShapedRecords]


def test_keys_that_are_data_are_not_learned() -> None:
    """A file whose keys are ids would fill the memory with structures, and gain nothing."""
    decoder = BlockDecoder()
    for block in range(5):
        texts = [msgspec.json.encode({f"id-{block}-{number}": 1}) for number in range(MOST_KEYS // 2)]
        found = decoder.records(texts)
        assert isinstance(found, JsonRecords)
    assert decoder.keys is None
