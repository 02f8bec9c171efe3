"""All servers by name.

What belongs here: the list. What does not: anything a server does.
"""

from logplatform_tests.servers.elasticsearch import Elasticsearch
from logplatform_tests.servers.kafka import Kafka
from logplatform_tests.servers.moto_s3 import MotoS3
from logplatform_tests.servers.openssh import OpenSsh
from logplatform_tests.servers.postgres import Postgres
from logplatform_tests.servers.proftpd import ProFtpd, ProFtpdTls
from logplatform_tests.servers.redis import Redis
from logplatform_tests.servers.secantus import Secantus
from logplatform_tests.servers.server import Server
from logplatform_tests.servers.spark_jars import SparkJars
from logplatform_tests.servers.vsftpd import Vsftpd

# The slowest to start stand first.
SERVERS: dict[str, Server] = {
    server.name: server
    for server in (
        Elasticsearch(),
        Kafka(),
        Secantus(),
        MotoS3(),
        Postgres(),
        Redis(),
        OpenSsh(),
        ProFtpd(),
        ProFtpdTls(),
        Vsftpd(),
        SparkJars(),
    )
}
