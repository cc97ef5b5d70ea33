"""Looking for words in everything that a deployment keeps, however they may be written there."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import re
import zipfile
import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from unicodedata import normalize
from urllib.parse import quote

from infra.deploy import Deployment

NAME = "Wilhelmina-Quackenbush"
HOST = NAME.lower()
"""As it would stand in the name of a domain."""

WELSH = "Gwrtheyrn Llŷr-Môn"
CHINESE = "欧阳𬭎锬"
ARABIC = "عبدالرحمن الزنبقي"
STUDENT = "CANARY-7731-XQ"
NATIONAL = "620102191110295213"
BIRTHDATE = "1911-10-29"
AILMENT = "hyperquackitis"
CANARIES = (NAME, HOST, WELSH, CHINESE, ARABIC, STUDENT, NATIONAL, BIRTHDATE, AILMENT)

_CHARSETS = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")
_DEPTH = 4
_LARGEST = 64 << 20

Traces = dict[bytes, str]
"""What to look for, and how it would be written."""


def traces_of(canary: str) -> Traces:
    """Every way in which a text may lie among bytes: in a character set, composed or not, escaped
    for JSON or for URLs, and each of these in hex or in base64."""
    plain: Traces = {}
    for form in ("NFC", "NFD"):
        text = normalize(form, canary)
        for charset in _CHARSETS:
            with suppress(UnicodeEncodeError):
                plain[text.encode(charset)] = f"{charset} ({form})"
        escaped = json.dumps(text)[1:-1]
        plain[escaped.encode()] = f"JSON ({form})"
        plain[re.sub(r"\\u[0-9a-f]{4}", _upper, escaped).encode()] = f"JSON, upper case ({form})"
        for safe in ("", "/", "-"):
            plain[quote(text, safe).encode()] = f"percent ({form})"
        lower = re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quote(text, ""))
        plain[lower.encode()] = f"percent, lower case ({form})"
    return {**plain, **dict(_coded(plain))}


def _upper(found: re.Match[str]) -> str:
    return "\\u" + found[0][2:].upper()


def _coded(plain: Traces) -> Iterator[tuple[bytes, str]]:
    for data, told in plain.items():
        yield data.hex().encode(), f"hex of {told}"
        yield data.hex().upper().encode(), f"HEX of {told}"
        for skipped in range(3):
            text = b64encode(bytes(skipped) + data)
            # The characters that hold bits of these bytes alone, whatever stands around them.
            first, last = (8 * skipped + 5) // 6, 8 * (skipped + len(data)) // 6
            yield text[first:last], f"base64 of {told}"
            url = text[first:last].replace(b"+", b"-").replace(b"/", b"_")
            yield url, f"base64url of {told}"


ALL_TRACES = {canary: traces_of(canary) for canary in CANARIES}


def search(kept: Iterable[tuple[str, bytes]]) -> list[tuple[str, str, str]]:
    """Where which canary is, and in which writing; what is compressed is looked into."""
    found: list[tuple[str, str, str]] = []
    for place, data in kept:
        for where, plain in _unpacked(place, data, _DEPTH):
            for canary, traces in ALL_TRACES.items():
                found += [(where, canary, told) for trace, told in traces.items() if trace in plain]
    return found


def _unpacked(place: str, data: bytes, depth: int) -> Iterator[tuple[str, bytes]]:
    yield place, data
    if depth == 0:
        return
    for name, inner in _inside(data):
        yield from _unpacked(f"{place}!{name}", inner, depth - 1)


def _inside(data: bytes) -> Iterator[tuple[str, bytes]]:
    if data.startswith(b"\x1f\x8b"):
        with suppress(OSError, EOFError, zlib.error):
            yield "gzip", gzip.decompress(data)
    if data[:1] == b"\x78":
        with suppress(zlib.error):
            yield "zlib", zlib.decompressobj().decompress(data, _LARGEST)
    if data.startswith(b"\xfd7zXZ"):
        with suppress(lzma.LZMAError):
            yield "xz", lzma.decompress(data)
    if data.startswith(b"PK\x03\x04"):
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name, name.encode() + b"\n" + archive.read(name)


# --- Everything that a deployment keeps


def everything(deployed: Deployment) -> Iterator[tuple[str, bytes]]:
    """Tables, objects with their versions, logs, messages, metrics, alarms, settings: names of
    places, and bytes. But for code and template, which were there before anything ran."""
    clients = _Clients(deployed)
    yield from _tables(clients("dynamodb"))
    yield from _objects(clients("s3"), deployed)
    yield from _logs(clients("logs"))
    yield from _messages(clients("sqs"))
    yield from _watched(clients("cloudwatch"))
    yield from _settings(clients)


class _Clients:
    def __init__(self, deployed: Deployment) -> None:
        self._deployed = deployed

    def __call__(self, name: str) -> Any:
        return self._deployed.session.client(name, endpoint_url=self._deployed.endpoint_url)  # type: ignore[call-overload]


def flatten(value: object) -> bytes:
    """Every text and byte string in an answer, names included."""
    parts: list[bytes] = []

    def walk(each: object) -> None:
        if isinstance(each, Mapping):
            for name, member in each.items():
                walk(name)
                walk(member)
        elif isinstance(each, list | tuple | set):
            for member in each:
                walk(member)
        elif isinstance(each, bytes | bytearray):
            parts.append(bytes(each))
        elif hasattr(each, "value") and isinstance(each.value, bytes):
            parts.append(each.value)
        else:
            parts.append(str(each).encode(errors="surrogatepass"))

    walk(value)
    return b"\n".join(parts)


def _tables(client: Any) -> Iterator[tuple[str, bytes]]:
    for table in client.list_tables()["TableNames"]:
        yield f"table {table}", flatten(client.describe_table(TableName=table))
        for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
            for number, item in enumerate(page["Items"]):
                yield f"table {table}, item {number}", flatten(item)
                # Compressed or not, each value by itself.
                for name, value in item.items():
                    for data in value.values():
                        if isinstance(data, bytes):
                            yield f"table {table}, item {number}, {name}", data


def _objects(client: Any, deployed: Deployment) -> Iterator[tuple[str, bytes]]:
    for bucket in client.list_buckets()["Buckets"]:
        name = bucket["Name"]
        if name.startswith(f"{deployed.stack}-artifacts-"):
            continue
        for page in client.get_paginator("list_object_versions").paginate(Bucket=name):
            yield f"bucket {name}, keys", flatten(page.get("DeleteMarkers", []))
            for version in page.get("Versions", []):
                key, id_ = version["Key"], version["VersionId"]
                answer = client.get_object(Bucket=name, Key=key, VersionId=id_)
                place = f"s3://{name}/{key}?{id_}"
                yield f"{place}, key and metadata", flatten([key, answer["Metadata"]])
                yield place, answer["Body"].read()


def _logs(client: Any) -> Iterator[tuple[str, bytes]]:
    for groups in client.get_paginator("describe_log_groups").paginate():
        for group in groups["logGroups"]:
            name = group["logGroupName"]
            for page in client.get_paginator("filter_log_events").paginate(logGroupName=name):
                for event in page["events"]:
                    yield f"log {name}", event["message"].encode(errors="surrogatepass")


def _messages(client: Any) -> Iterator[tuple[str, bytes]]:
    for url in client.list_queues().get("QueueUrls", []):
        yield f"queue {url}", flatten(client.get_queue_attributes(QueueUrl=url))
        while True:
            answer = client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                VisibilityTimeout=60,
            )
            if not answer.get("Messages"):
                break
            for message in answer["Messages"]:
                yield f"queue {url}, message", flatten(message)


def _watched(client: Any) -> Iterator[tuple[str, bytes]]:
    for page in client.get_paginator("list_metrics").paginate():
        yield "metrics", flatten(page["Metrics"])
    for page in client.get_paginator("describe_alarms").paginate():
        yield "alarms", flatten(page["MetricAlarms"])
    for page in client.get_paginator("describe_alarm_history").paginate():
        yield "alarm history", flatten(page["AlarmHistoryItems"])


def _settings(clients: _Clients) -> Iterator[tuple[str, bytes]]:
    for page in clients("lambda").get_paginator("list_functions").paginate():
        yield "functions", flatten(page["Functions"])
    kms = clients("kms")
    for page in kms.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            yield "keys", flatten(kms.describe_key(KeyId=key["KeyId"]))
    yield "aliases", flatten(kms.list_aliases())
