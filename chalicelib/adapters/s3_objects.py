"""A bucket: conditional puts that end with a known outcome, reads side by side, presigned puts."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..notary.ports import Busy, Conflict, OutcomeUnknown, Upload
from ..proof.hashes import Hash
from .aws import (
    ATTEMPTS,
    Clients,
    back_off,
    code_of,
    may_be_done,
    side_by_side,
    status_of,
    was_repeated,
)

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


class S3Objects:
    """``Objects``."""

    def __init__(self, clients: Clients, bucket: str) -> None:
        self._clients = clients
        self._bucket = bucket

    def get(self, key: str) -> bytes | None:
        found = self._read(key)
        return found[0] if found else None

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        return side_by_side(self.get, keys)

    def get_range(self, key: str, start: int, length: int) -> bytes | None:
        from botocore.exceptions import ClientError

        span = f"bytes={start}-{start + length - 1}"
        try:
            answer = self._clients.s3.get_object(Bucket=self._bucket, Key=key, Range=span)
            return answer["Body"].read()
        except ClientError as error:
            if code_of(error) == "InvalidRange":  # it starts at the end, or after it
                return b""
            _raise_unless_absent(error)
            return None

    def size(self, key: str) -> int | None:
        from botocore.exceptions import ClientError

        try:
            return self._clients.s3.head_object(Bucket=self._bucket, Key=key)["ContentLength"]
        except ClientError as error:
            _raise_unless_absent(error)
            return None

    def create(self, key: str, data: bytes) -> None:
        client = self._clients.s3
        self._put_if(
            key,
            data,
            lambda: client.put_object(Bucket=self._bucket, Key=key, Body=data, IfNoneMatch="*"),
        )

    def swap(self, key: str, old: bytes | None, new: bytes) -> None:
        if old is None:
            return self.create(key, new)
        found = self._read(key)
        if found is None or found[0] != old:
            raise Conflict(f"{key} is not what it was")
        client, etag = self._clients.s3, found[1]
        return self._put_if(
            key,
            new,
            lambda: client.put_object(Bucket=self._bucket, Key=key, Body=new, IfMatch=etag),
        )

    def _read(self, key: str) -> tuple[bytes, str] | None:
        """The object and its ETag, which belongs to these very bytes."""
        from botocore.exceptions import ClientError

        try:
            answer = self._clients.s3.get_object(Bucket=self._bucket, Key=key)
            return answer["Body"].read(), answer["ETag"]
        except ClientError as error:
            _raise_unless_absent(error)
            return None

    def _put_if(self, key: str, data: bytes, put: Callable[[], object]) -> None:
        """A conditional put, repeated while S3 says that another one was in its way."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        repeated = False
        for attempt in range(ATTEMPTS):
            try:
                put()
            except (ClientError, BotoCoreError, ResponseParserError) as error:
                if may_be_done(error):
                    raise OutcomeUnknown(f"the answer to the put of {key} was lost") from error
                if not isinstance(error, ClientError):
                    raise
                repeated = repeated or was_repeated(error)
                if status_of(error) == 412 or code_of(error) == "NoSuchKey":
                    return self._settle(key, data, repeated=repeated)
                if code_of(error) != "ConditionalRequestConflict":
                    raise
                back_off(attempt)
            else:
                return None
        raise Busy(f"S3 found another write of {key} in the way again and again: try later")

    def _settle(self, key: str, data: bytes, *, repeated: bool) -> None:
        """The condition failed. After a repeated request that may be because the first one, whose
        answer was lost, was done: then the object is ours."""
        if not (repeated and self.get(key) == data):
            raise Conflict(f"{key} is not what the put demanded")


class S3Uploads:
    """``Uploads``: presigned puts into the bucket that holds what clients send."""

    def __init__(self, clients: Clients, bucket: str) -> None:
        self._clients = clients
        self._bucket = bucket

    def presign(self, key: str, size: int, sha256: Hash, expires_s: int) -> Upload:
        """Length and checksum are signed headers: S3 refuses a request with others, and bytes
        that do not have that checksum."""
        checksum = b64encode(sha256).decode()
        url = self._clients.s3.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ContentLength": size,
                "ChecksumSHA256": checksum,
            },
            ExpiresIn=expires_s,
        )
        headers = {"content-length": str(size), "x-amz-checksum-sha256": checksum}
        return Upload(url, "PUT", headers)

    def arrived_ms(self, key: str) -> int | None:
        from botocore.exceptions import ClientError

        try:
            found = self._clients.s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            _raise_unless_absent(error)
            return None
        return int(found["LastModified"].timestamp() * 1000)

    def destroy(self, key: str) -> None:
        """By version, of which a client that lost its answer makes several; marks of deletion
        go, too."""
        client = self._clients.s3
        pages = client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self._bucket, Prefix=key):
            for version in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                if version["Key"] == key:
                    id_ = version["VersionId"]
                    client.delete_object(Bucket=self._bucket, Key=key, VersionId=id_)


def _raise_unless_absent(error: ClientError) -> None:
    """S3 answers 404 with two codes; without s3:ListBucket it would answer 403, which is raised."""
    if status_of(error) != 404 or code_of(error) == "NoSuchBucket":
        raise error
