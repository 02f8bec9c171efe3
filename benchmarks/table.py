"""The comparison: each result against its named baseline and its aim, as a table and as JSON.

What belongs here: ratios and their print. What does not: measuring (`measure`).
"""

from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Cost, Measure


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours against a baseline, in one run on one machine.

    `by`: the seconds compared. `aim`: how many times faster than the baseline we want to be ("faster"), or how many
    times its cost we may have at most ("within"); None: only told. `limits`: bounds that stand alone, such as seconds
    or bytes, as (what, measured, at most).
    """

    name: str
    baseline: str
    ours: Cost
    theirs: Cost | None
    by: Measure = "wall"
    goal: Literal["faster", "within"] = "faster"
    aim: float | None = None
    limits: tuple[tuple[str, float, float], ...] = ()

    @property
    def ratio(self) -> float | None:
        """Theirs by ours for "faster", ours by theirs for "within"."""
        if self.theirs is None:
            return None
        ours, theirs = (getattr(cost, self.by) for cost in (self.ours, self.theirs))
        return theirs / ours if self.goal == "faster" else ours / theirs

    @property
    def reached(self) -> bool:
        """Whether the aim and every limit is met."""
        ratio_met = True
        if self.ratio is not None and self.aim is not None:
            ratio_met = self.ratio >= self.aim if self.goal == "faster" else self.ratio <= self.aim
        return ratio_met and all(measured <= at_most for _, measured, at_most in self.limits)


def show(console: Console, comparisons: list[Comparison]) -> None:
    """Print the table."""
    table = Table(title="Ours against the baselines, one run on this machine")
    for heading in ("what", "ours", "peak", "baseline", "theirs", "ratio", "aim", ""):
        table.add_column(heading, justify="left" if heading in {"what", "baseline", ""} else "right")
    for row in comparisons:
        table.add_row(
            row.name,
            _cost(row.ours, row.by),
            "" if row.ours.peak_bytes is None else f"{row.ours.peak_bytes / 1e6:.0f} MB",
            row.baseline,
            "" if row.theirs is None else _cost(row.theirs, row.by),
            "" if row.ratio is None else f"{row.ratio:.2f}x",
            _aims(row),
            "yes" if row.reached else "NO",
        )
    console.print(table)


def as_json(comparison: Comparison) -> dict[str, object]:
    """The comparison as plain values."""
    return {
        "name": comparison.name,
        "baseline": comparison.baseline,
        "by": comparison.by,
        "ours": comparison.ours,
        "theirs": comparison.theirs,
        "goal": comparison.goal,
        "ratio": comparison.ratio,
        "aim": comparison.aim,
        "limits": comparison.limits,
        "reached": comparison.reached,
    }


def _cost(cost: Cost, by: Measure) -> str:
    return f"{getattr(cost, by):.2f} s{' CPU' if by == 'cpu' else ''}"


def _aims(row: Comparison) -> str:
    aims = [f"{what} {measured:,.1f} ≤ {at_most:,.0f}" for what, measured, at_most in row.limits]
    if row.aim is not None:
        aims.insert(0, f"{'≥' if row.goal == 'faster' else '≤'} {row.aim:g}x")
    return "\n".join(aims)
