"""Where Dagster keeps its runs and events when a PostgreSQL server does.

What belongs here: its address out of the settings, and the check at start. What does not: the rest of `dagster.yaml`
(`home`), and the platform's own rows (`logplatform.stores`), which stand in schemas beside Dagster's `public`.

The address holds the password, so it is handed over in a variable, which `dagster.yaml` names: Dagster's webserver,
daemon, code servers and runs all read it there.
"""

from collections.abc import MutableMapping

import sqlalchemy as sa

from logplatform.failures import PermanentFailure
from logplatform.settings.model import Settings
from logplatform.settings.stores import SqlStore

URL_VARIABLE = "DAGSTER_POSTGRES_URL"


def storage_url(settings: Settings) -> str | None:
    """The address of Dagster's database with its password; None if Dagster keeps files of its own."""
    store = store_of(settings)
    if store is None:
        return None
    url = sa.make_url(store.url)
    if store.password is not None:
        url = url.set(password=store.password.get_secret_value())
    return url.render_as_string(hide_password=False)


def hand_over(settings: Settings, env: MutableMapping[str, str]) -> None:
    """Put the address into the variable that `dagster.yaml` names; nothing where Dagster keeps files of its own."""
    if (url := storage_url(settings)) is not None:
        env[URL_VARIABLE] = url


def check_storage(settings: Settings) -> None:
    """Check at start that Dagster can keep its tables where the settings say.

    Raises Unreachable, or PermanentFailure for wrong credentials, a version that is too old, a missing package, or a
    user that may not make tables.
    """
    store = store_of(settings)
    if store is None:
        return
    try:
        import dagster_postgres  # noqa: F401, PLC0415 (in the extra `server`)
    except ModuleNotFoundError as error:
        raise PermanentFailure(f"{error.name} is not installed: pip install 'logplatform[server]'") from error
    from logplatform.stores.places import PostgresSchema  # noqa: PLC0415

    database = PostgresSchema(store, "public").connect()
    try:
        with database.read() as connection:
            may = connection.execute(sa.text("SELECT has_schema_privilege('public', 'CREATE')")).scalar_one()
    finally:
        database.close()
    if not may:
        raise PermanentFailure(
            f"{store.url}: its user may not make tables in the schema public, where Dagster keeps its own: "
            "GRANT CREATE ON SCHEMA public TO that user"
        )


def store_of(settings: Settings) -> SqlStore | None:
    """Dagster's own address, else the platform's."""
    storage, sql = settings.dagster.storage, settings.stores.sql
    if storage.type != "postgresql":
        return None
    if storage.url is None:
        return sql
    return SqlStore(type="postgresql", url=storage.url, password=storage.password, timeout_seconds=sql.timeout_seconds)
