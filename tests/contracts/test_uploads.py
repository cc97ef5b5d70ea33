"""``Uploads``: one put of exactly these bytes at this key.

On the fake, and over HTTP on the local cloud; moto lives inside our process and has no address.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import pytest

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.s3_objects import S3Objects, S3Uploads
from chalicelib.bootstrap import system_clock_ms
from chalicelib.notary.ports import Objects, Upload, Uploads
from chalicelib.proof.hashes import sha256

from ..fakes import MemoryObjects, MemoryUploads
from .stores import make_places

DATA = bytes(range(256)) * 100


@dataclass
class Door:
    """``put`` answers whether the bytes were let in."""

    uploads: Uploads
    objects: Objects
    put: Callable[[Upload, bytes], bool]
    clock_ms: Callable[[], int]

    def permit(self, key: str = "uploads/one", expires_s: int = 60) -> Upload:
        return self.uploads.presign(key, len(DATA), sha256(DATA), expires_s)


@pytest.fixture
def memory_door() -> Door:
    uploads = MemoryUploads(MemoryObjects())

    def put(upload: Upload, data: bytes) -> bool:
        try:
            uploads.put(upload, data)
        except AssertionError:
            return False
        return True

    return Door(uploads, uploads.objects, put, uploads.clock_ms)


@pytest.fixture
def s3_door(local_clients: Clients) -> Door:
    bucket = make_places(local_clients).work
    uploads, objects = S3Uploads(local_clients, bucket), S3Objects(local_clients, bucket)
    return Door(uploads, objects, send, system_clock_ms)


def send(upload: Upload, data: bytes) -> bool:
    request = urllib.request.Request(upload.url, data, upload.headers, method=upload.method)
    try:
        with urllib.request.urlopen(request) as answer:
            return cast(int, answer.status) == 200
    except urllib.error.HTTPError as error:
        if error.code not in (400, 403):
            raise
        return False


@pytest.fixture(params=["memory", "s3"])
def door(request: pytest.FixtureRequest) -> Door:
    found = request.getfixturevalue(f"{request.param}_door")
    assert isinstance(found, Door)
    return found


def test_the_permitted_bytes_are_let_in(door: Door) -> None:
    upload = door.permit()
    assert upload.method == "PUT"
    assert door.put(upload, DATA)
    assert door.objects.get("uploads/one") == DATA
    assert door.put(upload, DATA), "a client that lost the answer sends them again"


def test_it_tells_when_the_bytes_came(door: Door) -> None:
    upload = door.permit()
    assert door.uploads.arrived_ms("uploads/one") is None
    assert door.put(upload, DATA)
    arrived_ms = door.uploads.arrived_ms("uploads/one")
    assert arrived_ms is not None
    assert abs(arrived_ms - door.clock_ms()) < 10_000


def test_what_is_destroyed_is_gone_with_all_its_versions(door: Door) -> None:
    upload = door.permit()
    assert door.put(upload, DATA)
    assert door.put(upload, DATA)
    assert door.put(door.permit("uploads/one-more"), DATA)
    for _ in range(2):
        door.uploads.destroy("uploads/one")
        assert door.objects.get("uploads/one") is None
        assert door.uploads.arrived_ms("uploads/one") is None
    assert door.objects.get("uploads/one-more") == DATA


def test_no_version_is_left_in_a_versioned_bucket(local_clients: Clients) -> None:
    bucket, client = make_places(local_clients).work, local_clients.s3
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for data in (b"one", b"two"):
        client.put_object(Bucket=bucket, Key="uploads/one", Body=data)
    client.delete_object(Bucket=bucket, Key="uploads/one")
    before = client.list_object_versions(Bucket=bucket)
    assert (len(before["Versions"]), len(before["DeleteMarkers"])) == (2, 1)
    S3Uploads(local_clients, bucket).destroy("uploads/one")
    left = client.list_object_versions(Bucket=bucket)
    assert not left.get("Versions")
    assert not left.get("DeleteMarkers")


def test_other_bytes_of_the_same_length_are_not(door: Door) -> None:
    assert not door.put(door.permit(), DATA[:-1] + b"\x00")
    assert door.objects.get("uploads/one") is None


@pytest.mark.parametrize("data", [b"", DATA[:-1], DATA + b"\x00"])
def test_no_other_length_is_let_in(s3_door: Door, data: bytes) -> None:
    upload = s3_door.permit()
    headers = {**upload.headers, "content-length": str(len(data))}
    assert not s3_door.put(replace(upload, headers=headers), data)
    assert s3_door.objects.get("uploads/one") is None


def test_the_checksum_cannot_be_left_out_or_changed(s3_door: Door) -> None:
    upload = s3_door.permit()
    other = s3_door.uploads.presign("uploads/one", len(DATA), sha256(b"other"), 60)
    without = {"content-length": upload.headers["content-length"]}
    assert not s3_door.put(replace(upload, headers=without), DATA)
    assert not s3_door.put(replace(upload, headers=other.headers), DATA)
    assert s3_door.objects.get("uploads/one") is None


def test_the_key_cannot_be_changed(s3_door: Door) -> None:
    upload = s3_door.permit()
    assert not s3_door.put(replace(upload, url=upload.url.replace("/one?", "/two?")), DATA)
    assert s3_door.objects.get("uploads/two") is None


def test_the_permission_ends(s3_door: Door) -> None:
    upload = s3_door.permit(expires_s=1)
    time.sleep(2.1)
    assert not s3_door.put(upload, DATA)
    assert s3_door.objects.get("uploads/one") is None
