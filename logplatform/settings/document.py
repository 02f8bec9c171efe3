"""A YAML text as plain values, with the place of every key.

What belongs here: reading YAML so that each mistake can be shown where it stands. What does not: what the keys
mean (`model`). Anchors and aliases are refused: they are the way a small file becomes a huge one.
"""

from dataclasses import dataclass, field

import yaml
from yaml.constructor import ConstructorError

from logplatform.settings.mistakes import KeyPath, Mistake, key_text

MAX_BYTES = 1024**2
MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Document:
    """What a YAML text says. `places` holds NAME:LINE:COLUMN of every key path, `scalars` those of single values."""

    value: object
    places: dict[KeyPath, str]
    scalars: frozenset[KeyPath]
    mistakes: tuple[Mistake, ...]


@dataclass(slots=True)
class _Reading:
    name: str
    loader: yaml.SafeLoader
    places: dict[KeyPath, str] = field(default_factory=dict)
    scalars: set[KeyPath] = field(default_factory=set)
    mistakes: list[Mistake] = field(default_factory=list)

    def place(self, node: yaml.Node) -> str:
        return _place(self.name, node.start_mark)

    def value(self, node: yaml.Node | None, path: KeyPath) -> object:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return self.sequence(node, path)
        value = self.scalar(node, path) if isinstance(node, yaml.ScalarNode) else None
        if value is not None:
            self.scalars.add(path)
        return value

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.mistakes.append(Mistake(self.place(key_node), key_text(path), "a key must be a single word"))
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in values:
                told = f"given before at {self.places[here]}"
                self.mistakes.append(Mistake(self.place(key_node), key_text(here), told, "keep one of the two"))
                continue
            self.places[here] = self.place(key_node)
            values[key] = self.value(value_node, here)
        return values

    def sequence(self, node: yaml.SequenceNode, path: KeyPath) -> list[object]:
        values: list[object] = []
        for index, item in enumerate(node.value):
            self.places[*path, index] = self.place(item)
            values.append(self.value(item, (*path, index)))
        return values

    def scalar(self, node: yaml.ScalarNode, path: KeyPath) -> object:
        try:
            return self.loader.construct_object(node)
        except (ConstructorError, ValueError) as error:
            refused_tag = isinstance(error, ConstructorError)
            reason = error.problem if refused_tag else str(error)
            fix = "put the value in quotes" if refused_tag else ""
            self.mistakes.append(Mistake(self.place(node), key_text(path), f"cannot be read: {reason}", fix))
            return None


def read_document(data: bytes, name: str) -> Document:
    """Read a YAML text; never raises for what it says. `name` is shown in places.

    A text that is no YAML at all gives one mistake and an empty value; keys given twice, values that cannot be
    read and keys that are no single words give one mistake each, and the rest is read.
    """
    try:
        text = _checked(data)
        loader = yaml.SafeLoader(text)
        reading = _Reading(name, loader)
        value = reading.value(loader.get_single_node(), ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = (error.problem or error.context or "this is not YAML").replace("\\t", "a tab")
        return _refused(_place(name, mark) if mark else name, f"this is not YAML here: {problem}")
    except (yaml.YAMLError, UnicodeDecodeError, OverflowError) as error:
        return _refused(name, f"this is not YAML: {str(error).splitlines()[0]}")
    return Document(value, reading.places, frozenset(reading.scalars), tuple(reading.mistakes))


def _checked(data: bytes) -> str:
    """The text, if it is small, flat and free of aliases; a YAMLError tells why not."""
    if len(data) > MAX_BYTES:
        message = f"larger than {MAX_BYTES} bytes"
        raise yaml.YAMLError(message)
    text = data.decode("utf-8-sig")
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases are not allowed", problem_mark=event.start_mark)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="nested too deep", problem_mark=event.start_mark)
    return text


def _place(name: str, mark: yaml.Mark) -> str:
    return f"{name}:{mark.line + 1}:{mark.column + 1}"


def _refused(place: str, message: str) -> Document:
    return Document({}, {}, frozenset(), (Mistake(place, "", message),))
