"""The text of a job profile, in every form that features tell."""

from decimal import Decimal

import pytest

from logplatform.machines.jobs import JobText, read_job


@pytest.mark.parametrize(
    ("text", "job"),
    [
        ("R:215023 L:3359.0 C:7016 G ALU", JobText("215023", Decimal("3359.0"), "7016", "G ALU")),
        ("R:215023 L:3359 C:7016", JobText("215023", Decimal(3359), "7016", None)),
        ("R:21-50/23 L:12 C:Chêne doré", JobText("21-50/23", Decimal(12), "Chêne", "doré")),
        ("R:Ébène-1 L:12,5 C:Grisé", JobText("Ébène-1", Decimal("12.5"), "Grisé", None)),
        ("R:1 L:2", JobText("1", Decimal(2), "N/A", None)),
        ("R:1 L:2 C:", JobText("1", Decimal(2), "N/A", None)),
        ("R:1", JobText("1", None, "N/A", None)),
        ("R: L:3359.0 C:7016", JobText(None, Decimal("3359.0"), "7016", None)),
        ("L:3359.0 C:7016", JobText(None, Decimal("3359.0"), "7016", None)),
        ("R:5 L:lang C:rood", JobText("5", None, "rood", None)),
        ("", JobText(None, None, "N/A", None)),
        ("R:5  L: 7   C: rood  mat", JobText("5", Decimal(7), "rood", "mat")),
    ],
)
def test_read_job(text: str, job: JobText) -> None:
    assert read_job(text) == job
