"""The connection to an object store that speaks S3, and what its failures mean.

What belongs here: making the client, naming a failure's reason and remedy, and the check at the start. What does not:
what is stored there (`object_files`), and its local copies (`file_cache`).

botocore is used itself, without an event loop of its own (s3fs has one): its clients are safe among threads, and one
that is made anew after a fork shares nothing with its parent.
"""

import os
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import botocore.config
import botocore.session
from botocore import exceptions as faults
from urllib3.exceptions import HTTPError

from logplatform.failures import PermanentFailure, TransientFailure, Unreachable
from logplatform.settings.stores import FilesStore

_CONNECT_SECONDS = 5
_ATTEMPTS = 3
_WRONG_KEYS = {
    "AccessDenied",
    "AuthorizationQueryParametersError",
    "ExpiredToken",
    "Forbidden",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "403",
}
_WRONG_REGION = {"AuthorizationHeaderMalformed", "PermanentRedirect", "301"}
_MAY_PASS = {"BadDigest", "InternalError", "OperationAborted", "RequestTimeout", "SlowDown", "XMinioStorageFull"}
_DROPPED = (
    faults.ConnectionError,
    faults.HTTPClientError,
    faults.IncompleteReadError,
    faults.CredentialRetrievalError,
    HTTPError,
    ConnectionError,
    TimeoutError,
)
MISSING = {"NoSuchKey", "NotFound", "404"}
"""Codes of an answer that says: there is no such object."""


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A bucket, and the folder in it, that the section names."""

    section: FilesStore

    @property
    def client(self) -> Any:  # noqa: ANN401 (botocore makes its clients' classes at run time)
        """The client of this process; one serves all threads."""
        return _client(self.section, os.getpid())

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return urlsplit(self.section.url).netloc

    @property
    def folder(self) -> str:
        """What every object's name begins with: empty, or a folder with its slash."""
        folder = urlsplit(self.section.url).path.strip("/")
        return f"{folder}/" if folder else ""

    def require_bucket(self) -> None:
        """Raise PermanentFailure if there is no such bucket: no object is in it, which says nothing about objects."""
        with self.told("head_bucket"):
            try:
                self.client.head_bucket(Bucket=self.bucket)
            except faults.ClientError as fault:
                if code_of(fault) in MISSING:
                    raise self._without_bucket() from fault
                raise

    @contextmanager
    def told(self, doing: str) -> Generator[None]:
        """Raise what goes wrong inside as a failure of ours; `doing` is what was asked of the store."""
        try:
            yield
        except faults.ClientError as fault:
            raise self._refused(fault, doing) from fault
        except (faults.NoCredentialsError, faults.PartialCredentialsError) as fault:
            raise PermanentFailure(
                f"{self._where}: no credentials; set stores.files.access_key and stores.files.secret_key, or give the "
                "environment or the machine a role"
            ) from fault
        except faults.SSLError as fault:
            raise PermanentFailure(
                f"{self._where}: TLS fails ({_short(fault)}); check stores.files.endpoint_url, or name the "
                "certificates to trust by AWS_CA_BUNDLE"
            ) from fault
        except _DROPPED as fault:
            raise Unreachable(
                f"{self._where} cannot be reached ({doing}: {_short(fault)}); check stores.files.endpoint_url, and "
                "that the store runs"
            ) from fault
        except faults.BotoCoreError as fault:
            raise PermanentFailure(f"{self._where}: {doing}: {_short(fault)}; check stores.files") from fault

    @property
    def _where(self) -> str:
        at = f" at {self.section.endpoint_url}" if self.section.endpoint_url else ""
        return f"the object store {self.section.url}{at}"

    def _without_bucket(self) -> PermanentFailure:
        return PermanentFailure(
            f"{self._where}: there is no bucket {self.bucket}; make it, or correct stores.files.url"
        )

    def _refused(self, fault: "faults.ClientError", doing: str) -> PermanentFailure | TransientFailure:
        code = code_of(fault)
        said = str(fault.response.get("Error", {}).get("Message", ""))[:200]
        answer = f"{doing}: {code}{f' ({said})' if said else ''}"
        if code == "NoSuchBucket":
            return self._without_bucket()
        if code in _WRONG_KEYS:
            return PermanentFailure(
                f"{self._where} refuses {answer}; check stores.files.access_key and stores.files.secret_key, and that "
                "this user may list the bucket and get, put and delete objects in it"
            )
        if code in _WRONG_REGION:
            return PermanentFailure(f"{self._where} refuses {answer}; check stores.files.region")
        if code == "RequestTimeTooSkewed":
            return PermanentFailure(f"{self._where} refuses {answer}; set this machine's clock")
        status = fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _MAY_PASS or status == 429 or status >= 500:
            return TransientFailure(f"{self._where} cannot do it now: {answer}")
        return PermanentFailure(f"{self._where} refuses {answer}; check stores.files")


def code_of(fault: "faults.ClientError") -> str:
    """What the store calls a failure; a bare HTTP status where an answer has no body."""
    return str(fault.response.get("Error", {}).get("Code", ""))


def _short(fault: BaseException) -> str:
    return (str(fault) or type(fault).__name__).strip().splitlines()[0][:200]


@lru_cache(maxsize=16)
def _client(section: FilesStore, pid: int) -> Any:  # noqa: ANN401, ARG001 (a child has clients of its own)
    session = botocore.session.get_session()
    region = section.region or session.get_config_variable("region") or "us-east-1"
    config = botocore.config.Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=section.timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        max_pool_connections=32,
        # What others than AWS offer under an address of their own seldom has a name for each bucket.
        s3={"addressing_style": "path" if section.endpoint_url else "auto"},
        # Bytes are guarded by Content-MD5, which every such store knows; newer checksums not all of them do.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    secret = section.secret_key.get_secret_value() if section.secret_key else None
    return session.create_client(
        "s3",
        region_name=region,
        endpoint_url=section.endpoint_url,
        aws_access_key_id=section.access_key,
        aws_secret_access_key=secret,
        config=config,
    )


def probe(section: FilesStore) -> None:
    """Put, get, list and delete a probe; raises what `ObjectStore.told` tells for what does not work."""
    store = ObjectStore(section)
    store.require_bucket()
    here = {"Bucket": store.bucket, "Key": f"{store.folder}probe/{uuid.uuid4().hex}"}
    client = store.client
    with store.told("put_object"):
        client.put_object(**here, Body=b"probe")
    with store.told("get_object"):
        client.get_object(**here)["Body"].read()
    with store.told("list_objects_v2"):
        client.list_objects_v2(Bucket=store.bucket, Prefix=here["Key"])
    with store.told("list_multipart_uploads"):
        client.list_multipart_uploads(Bucket=store.bucket, Prefix=here["Key"])
    with store.told("delete_object"):
        client.delete_object(**here)
