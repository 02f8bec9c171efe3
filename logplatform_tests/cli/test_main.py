"""The root of the command line: fast help, lazy commands, failures in one line."""

import errno
import re
import subprocess
import sys
import time

import click
import pytest
from click.testing import CliRunner

from logplatform.cli import COMMANDS, main
from logplatform.cli.lazy import LazyGroup
from logplatform.failures import PermanentFailure, TransientFailure


def test_help_is_fast_and_imports_neither_dagster_nor_pydantic() -> None:
    """People ask for help all the time; Dagster alone takes more than a second to import."""
    call = "from logplatform.cli import main; main(['--help'], standalone_mode=False)"
    code = f"import sys; {call}; print(sorted(sys.modules))"
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds = time.monotonic() - started
    modules = done.stdout.rsplit("[", 1)[1]
    assert not [name for name in ("dagster", "pydantic", "sqlalchemy", "polars", "pyarrow") if f"'{name}'" in modules]
    # 0.15 s on an idle machine; the bound leaves room for a busy one.
    assert seconds < 2


def test_help_names_every_command_in_the_order_of_the_table() -> None:
    """The table's order is the order in which a newcomer needs them."""
    output = CliRunner().invoke(main, ["--help"]).output
    commands = output.split("Commands:")[1]
    assert re.findall(r"^  ([a-z-]+)  ", commands, re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_exists_and_teaches(name: str) -> None:
    """A table that names a missing module would fail only when a user calls it."""
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) > 5


def test_a_mistyped_command_names_the_near_one() -> None:
    """The table's names are known without importing their modules."""
    result = CliRunner().invoke(main, ["machnes"])
    assert result.exit_code == 2
    assert re.search("Did you mean.*'machines'", result.output)


def failing_group(error: Exception) -> LazyGroup:
    group = LazyGroup("logplatform")

    @group.command()
    def work() -> None:
        raise error

    return group


@pytest.fixture(
    params=[
        PermanentFailure("web1: authentication failed"),
        TransientFailure("web1: connection lost"),
        PermissionError(errno.EACCES, "Permission denied", "/data/x"),
        OSError(errno.ENOSPC, "No space left on device", "/data/x"),
    ],
    ids=lambda error: type(error).__name__ + str(error.args[0]),
)
def failure(request: pytest.FixtureRequest) -> Exception:
    assert isinstance(request.param, Exception)
    return request.param


def test_a_failure_with_a_message_is_one_line_and_exit_code_2(failure: Exception) -> None:
    """A traceback tells a user nothing; the message names the thing, the place and the reason."""
    result = CliRunner().invoke(failing_group(failure), ["work"])
    assert result.exit_code == 2
    assert re.fullmatch(r"Error: (web1|/data/x): [^\n]+\n", result.output)


def test_a_fault_of_the_program_itself_is_not_hidden() -> None:
    """Only failures that are meant for people lose their traceback."""
    result = CliRunner().invoke(failing_group(ValueError("bug")), ["work"])
    assert isinstance(result.exception, ValueError)


def test_a_table_entry_that_is_no_command_is_told() -> None:
    """A wrong attribute in the table would otherwise fail deep in click."""
    group = LazyGroup("g", lazy={"x": ("logplatform.cli.session:Session", "help")})
    with pytest.raises(TypeError, match="no click command"):
        group.get_command(click.Context(group), "x")
