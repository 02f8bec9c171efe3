"""The domains' work, as the fault tests drive it: their pure engines, without Dagster."""

from logplatform.archives import engine as archives
from logplatform.archives.sensors import watched as watched_archives
from logplatform.machines import engine as machines
from logplatform.machines.sensors import watched as watched_machines
from logplatform.settings.model import Domain
from logplatform_tests.faults.stage import DomainWork

WORK: dict[Domain, DomainWork] = {
    "archives": DomainWork(watched_archives, archives.run_batch),
    "machines": DomainWork(watched_machines, machines.run_batch),
}
