"""The ledger of uploads in MongoDB, saved as BSON documents one after the other, and brought back.

What belongs here: this collection. What does not: the moment (`servers`). It is imported only where the settings choose
MongoDB.
"""

from pathlib import Path

import bson
import zstandard
from bson.raw_bson import RawBSONDocument
from pymongo import ReplaceOne

from logplatform.settings.stores import UploadsStore
from logplatform.stores.mongo_client import mongo_failures, uploads_of, with_indexes
from logplatform.stores.sql import chunks

_AT_ONCE = 500


def save_uploads(section: UploadsStore, tenant: str, path: Path) -> None:
    """Write every document of the tenant."""
    with (
        path.open("wb") as file,
        zstandard.ZstdCompressor().stream_writer(file, closefd=False) as writer,
        mongo_failures(section),
    ):
        uploads = uploads_of(section)
        raw = uploads.with_options(uploads.codec_options.with_options(document_class=RawBSONDocument))
        for document in raw.find({"tenant": tenant}):
            writer.write(document.raw)


def bring_uploads_back(section: UploadsStore, path: Path) -> None:
    """Put the documents back under the ids they had."""
    with (
        path.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as reader,
        mongo_failures(section),
    ):
        uploads = with_indexes(section)
        for chunk in chunks(bson.decode_file_iter(reader, uploads.codec_options), _AT_ONCE):
            uploads.bulk_write([ReplaceOne({"_id": one["_id"]}, one, upsert=True) for one in chunk])
