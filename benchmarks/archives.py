"""Verify, extract and hash a large archive, against the shell's own tools.

What belongs here: the comparisons of the domain archives. What does not: their inputs (`inputs`).
"""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.inputs import log_archive
from benchmarks.measure import Cost, best, quoted, shell, work
from benchmarks.table import Comparison

ROUNDS = 3


def compare(folder: Path, size: int) -> Iterator[Comparison]:
    """One archive of `size` bytes of log: all of the work, and the reading part of it, in alternating rounds."""
    archive = log_archive(folder, size)
    output = folder / "extracted"
    output.mkdir(exist_ok=True)
    plain = output / "shell.log"
    a, f = quoted(archive), quoted(plain)
    tools = f"gzip -t {a} && gunzip -c {a} > {f} && sha256sum {a} && sha256sum {f}"
    runs: dict[str, list[Cost]] = {name: [] for name in ("ours", "tools", "pipe", "durable", "durable tools")}
    shell(f"cat {a}")
    for _ in range(ROUNDS):
        runs["ours"].append(work("archives.extract", archive, output))
        runs["tools"].append(shell(f"{tools}; rm -f {f}"))
        runs["pipe"].append(shell(f"zcat {a} | sha256sum"))
        runs["durable"].append(work("archives.publish", archive, output))
        runs["durable tools"].append(shell(f"{tools} && sync {f}; rm -f {f}"))
    costs = {name: best(them) for name, them in runs.items()}
    told = f"{size / 1e9:.1f} GB log: verify, extract, both hashes"
    limit = (("MB", (costs["ours"].peak_bytes or 0) / 1e6, 300.0),)
    by_tools = "gzip -t; gunzip -c >; sha256sum twice"
    yield Comparison(told, by_tools, costs["ours"], costs["tools"], aim=4.0, limits=limit)
    yield Comparison(told, "zcat | sha256sum (which does less)", costs["ours"], costs["pipe"], aim=1.8)
    yield Comparison(f"{told}, fsync", f"{by_tools}; sync", costs["durable"], costs["durable tools"])
