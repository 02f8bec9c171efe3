"""Programs that judge or run the deployment's files: the system's own, or Debian's, unpacked."""

from logplatform_tests.needed import cannot_be_had
from logplatform_tests.servers.debian import Tree, installed_or_unpacked
from logplatform_tests.servers.place import NotHad


def program(package: str, path: str) -> tuple[str, dict[str, str]]:
    """The program at `path` (`usr/…`), and what its environment must have; a test that cannot have it ends here."""
    try:
        tree: Tree = installed_or_unpacked([package], path)
    except NotHad as error:
        cannot_be_had(str(error))
    return str(tree.path(path)), tree.environment()
