"""Text of no known format: every line is an event that says only itself.

What belongs here: just that. What does not: deciding that a file has no format (`recognise`).
"""

from logplatform.archives.lines.blocks import LineBlock
from logplatform.archives.lines.columns import Parsed


class PlainParser:
    """One event a line, without a time of its own."""

    def feed(self, block: LineBlock) -> Parsed:
        """The block's lines."""
        count = len(block.text)
        numbers = list(range(block.first, block.first + count))
        columns = {"line": numbers, "lines": [1] * count, "time": [None] * count}
        return Parsed(columns | {"message": block.text, "raw": block.text})

    def gap(self) -> Parsed:
        """Nothing is open between two lines."""
        return Parsed()
