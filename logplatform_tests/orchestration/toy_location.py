"""The toy as Dagster's daemon and webserver load it; TOY_ROOT names its folder."""

import os
from pathlib import Path

import dagster as dg

from logplatform_tests.orchestration.toy import toy_definitions, toy_settings


@dg.definitions
def defs() -> dg.Definitions:
    return toy_definitions(toy_settings(Path(os.environ["TOY_ROOT"])))
