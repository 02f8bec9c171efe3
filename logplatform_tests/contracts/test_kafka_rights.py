"""Brokers that know their users: over TLS, by password, each with some rights. What lacks is told at once."""

import ipaddress
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from logplatform.failures import PermanentFailure
from logplatform.settings.stores import KafkaStore
from logplatform.settings.tickets import KafkaTopic
from logplatform.stores.kafka_topics import KafkaTopics, check_kafka
from logplatform_tests.contracts.test_ticket_log import all_of
from logplatform_tests.servers.kafka import Kafka
from logplatform_tests.servers.own import own_instance
from logplatform_tests.servers.place import NotHad
from logplatform_tests.servers.plugin import session, unavailable
from logplatform_tests.servers.ports import LOOPBACK, free_port
from logplatform_tests.servers.processes import Launch

PASSWORD = "geheim"
SOURCE = KafkaTopic(topic="tickets", dead_letter_topic="refused", partitions=2)
OWNER = "logplatform.test"


class GuardedKafka(Kafka):
    """A second listener, for users; whoever comes by the first may do everything."""

    name = "kafka"

    def __init__(self, guarded: int) -> None:
        super().__init__()
        self.guarded = guarded

    def prepare(self, folder: Path, port: int) -> Launch:
        launch = super().prepare(folder, port)
        properties = folder / "server.properties"
        certificate = folder / "certificate.pem"
        if not certificate.exists():
            certificate.write_bytes(_certificate())
        lines = properties.read_text().splitlines()
        changed = [_with_listener(line, self.guarded) for line in lines]
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        changed += [
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users=User:ANONYMOUS",
            "sasl.enabled.mechanisms=PLAIN",
            f'listener.name.sasl_ssl.plain.sasl.jaas.config={module} required user_ada="{PASSWORD}";',
            "ssl.keystore.type=PEM",
            f"ssl.keystore.location={certificate}",
        ]
        properties.write_text("\n".join(changed) + "\n")
        return launch


def _with_listener(line: str, port: int) -> str:
    name, _, value = line.partition("=")
    if name in ("listeners", "advertised.listeners"):
        return f"{name}={value},SASL_SSL://{LOOPBACK}:{port}"
    return f"{line},SASL_SSL:SASL_SSL" if name == "listener.security.protocol.map" else line


def _certificate() -> bytes:
    """A key and a certificate for this machine that signs itself, as PEM."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kafka")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=2))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))])
    signed = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + signed.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True)
class Guarded:
    """The brokers as the user ada reaches them, and as their operator does."""

    store: KafkaStore
    operator: AdminClient

    def allow(self, kind: ResourceType, name: str, *operations: AclOperation) -> None:
        rights = [
            AclBinding(kind, name, ResourcePatternType.PREFIXED, "User:ada", "*", operation, AclPermissionType.ALLOW)
            for operation in operations
        ]
        for done in self.operator.create_acls(rights).values():
            done.result(20)


@pytest.fixture(scope="module")
def guarded() -> Generator[Guarded]:
    port = free_port()
    try:
        with own_instance(GuardedKafka(port), session()) as instance:
            store = KafkaStore(
                bootstrap_servers=f"{LOOPBACK}:{port}",
                security_protocol="sasl_ssl",
                sasl_mechanism="PLAIN",
                username="ada",
                password=SecretStr(PASSWORD),
                ca_file=instance.folder / "certificate.pem",
                timeout_seconds=20,
            )
            yield Guarded(store, AdminClient({"bootstrap.servers": instance.address}))
    except NotHad as error:
        unavailable(error, "kafka")


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"password": SecretStr("wrong")}, "username, password"),
        ({"username": "bob"}, "username, password"),
        ({"sasl_mechanism": "SCRAM-SHA-256"}, "sasl_mechanism"),
        ({"ca_file": None}, "ca_file"),
    ],
)
def test_a_user_that_the_brokers_do_not_know_is_told_at_once(
    guarded: Guarded, changed: dict[str, object], text: str
) -> None:
    section = guarded.store.model_copy(update=changed)
    topics = KafkaTopics.of(section, OWNER, 1)
    for asked in (lambda: check_kafka(section), lambda: topics.open("tickets")):
        with pytest.raises(PermanentFailure, match=text) as raised:
            asked()
        assert PASSWORD not in str(raised.value)


def test_rights_that_lack_are_told_one_by_one(guarded: Guarded) -> None:
    store, operator = guarded.store, guarded.operator
    topics = KafkaTopics.of(store, OWNER, 1)
    check_kafka(store)
    KafkaTopics.of(_of(operator, store), OWNER, 1).make("tickets", 2).append([(b"k", b"a"), (b"l", b"b")])
    with pytest.raises(PermanentFailure, match=r"uthoriz"):
        check_kafka(store, [SOURCE])
    guarded.allow(ResourceType.TOPIC, "tickets", AclOperation.DESCRIBE)
    with pytest.raises(PermanentFailure, match="tickets: 'ada' has no right to READ"):
        check_kafka(store, [SOURCE])
    guarded.allow(ResourceType.TOPIC, "tickets", AclOperation.READ)
    # Nobody has allowed the group: progress is told to nobody, and all is read.
    log = topics.open("tickets")
    assert sorted(value for values in all_of(log).values() for value in values) == [b"a", b"b"]
    log.tell(log.ends())
    with pytest.raises(PermanentFailure, match="uthoriz"):
        log.append([(b"k", b"c")])
    with pytest.raises(PermanentFailure, match="uthoriz"):
        check_kafka(store, [SOURCE])
    rights = (AclOperation.READ, AclOperation.WRITE, AclOperation.CREATE, AclOperation.DESCRIBE, AclOperation.ALTER)
    guarded.allow(ResourceType.TOPIC, "refused", *rights)
    check_kafka(store, [SOURCE])
    refused = topics.make_refused("refused", 2)
    with pytest.raises(PermanentFailure, match="uthoriz"):
        refused.take_over()
    guarded.allow(ResourceType.TRANSACTIONAL_ID, "logplatform.", AclOperation.WRITE, AclOperation.DESCRIBE)
    refused.take_over()
    refused.append_to(1, [b"x", b"y"])
    assert all_of(refused) == {0: [], 1: [b"x", b"y"]}
    check_kafka(store, [SOURCE])


def _of(operator: AdminClient, store: KafkaStore) -> KafkaStore:
    """The brokers as their operator reaches them."""
    nodes = operator.list_topics(timeout=10).brokers.values()
    (node,) = nodes
    plain = {"security_protocol": "plaintext", "username": None, "password": None, "ca_file": None}
    return store.model_copy(update={"bootstrap_servers": f"{node.host}:{node.port}", **plain})
