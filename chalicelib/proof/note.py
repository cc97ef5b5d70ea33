"""Signed notes and their keys (C2SP signed-note), with cosignatures (C2SP tlog-cosignature).

A note is text, an empty line and signature lines ``— <key name> <base64>``. A key is known by its
name and id together: a line of a known key must verify, and all other lines are kept and ignored.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from .errors import CannotTell, Invalid, Malformed
from .keys import PublicKey, ed25519_key
from .keys import WrongSignature as NotByKey
from .limits import NOTE_BYTES, NOTE_SIGNATURES
from .text import format_base64, parse_base64

ED25519 = 1
"""The signature type of a log's plain Ed25519 signature over the note text."""

COSIGNATURE = 4
"""The signature type of a witness's timestamped Ed25519 cosignature of a checkpoint."""

KEY_ID_BYTES = 4
_TIMESTAMP_BYTES = 8
_SIGNATURE_BYTES = 64
_LATEST_TIMESTAMP = (1 << 63) - 1
_NOT_ALLOWED = bytes(byte for byte in range(0x20) if byte != ord("\n"))
_NAME = re.compile(r"[^\s\x00-\x1f+\ud800-\udfff]+")
_SIGNATURE_LINE = re.compile(rf"— ({_NAME.pattern}) ([A-Za-z0-9+/]+={{0,2}})")
_VKEY_FORMAT = "a verifier key is <name>+<8 lower-case hex digits>+<base64 of type and key>"


class MalformedNote(Malformed):
    """Not a signed note."""


class MalformedKeyName(Malformed):
    """A key name is empty, or has a space of any script, a plus sign or a control character."""


class MalformedVerifierKey(Malformed):
    """Not a verifier key, or its key id is not that of its name and public key."""


class MalformedCosignature(Malformed):
    """Not a timestamp below 2^63 and an Ed25519 signature."""


class WrongSignature(Invalid):
    """A signature line of a known key does not verify."""


class UnknownSigners(CannotTell):
    """No signature line is by a known key."""


class UnknownSignatureType(CannotTell):
    """The key is of a type that cannot be checked here."""


class NoteSignature(NamedTuple):
    """One signature line; ``signature`` comes after the 4 bytes of the key id."""

    name: str
    key_id: bytes
    signature: bytes


class Note(NamedTuple):
    """The signed text, with its final newline, and every signature line, known or not."""

    text: bytes
    signatures: tuple[NoteSignature, ...]


class Cosignature(NamedTuple):
    """When a witness cosigned, in POSIX seconds, and its 64 bytes of Ed25519."""

    timestamp_s: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A key that signs notes. Types other than 1 and 4 are carried but cannot be checked.

    Making one of type 1 or 4 raises MalformedVerifierKey, MalformedKey or WeakKey.
    """

    name: str
    key_id: bytes
    type: int
    public: bytes
    # Loaded once, because loading costs more than parsing a note.
    loaded: PublicKey | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self.type not in (ED25519, COSIGNATURE):
            return
        if self.key_id != _key_id(self.name, self.type, self.public):
            raise MalformedVerifierKey("the key id is not that of the name and the public key")
        object.__setattr__(self, "loaded", ed25519_key(self.public))


def _key_id(name: str, type_: int, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + bytes([type_]) + public).digest()[:KEY_ID_BYTES]


def ed25519_vkey(name: str, public: bytes) -> VerifierKey:
    """The key of a log with this raw 32-byte Ed25519 public key."""
    return _vkey(name, ED25519, public)


def cosignature_vkey(name: str, public: bytes) -> VerifierKey:
    """The key of a witness with this raw 32-byte Ed25519 public key."""
    return _vkey(name, COSIGNATURE, public)


def _vkey(name: str, type_: int, public: bytes) -> VerifierKey:
    _check_name(name)
    return VerifierKey(name, _key_id(name, type_, public), type_, public)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise MalformedKeyName("a key name is not empty and has no space, plus or control")


def parse_vkey(text: str) -> VerifierKey:
    """Read ``<name>+<id in hex>+<base64 of type and public key>``.

    Raises MalformedVerifierKey, MalformedKeyName, MalformedBase64; for types 1 and 4 also
    MalformedKey when the public key is none to trust.
    """
    try:
        name, key_id, material = text.split("+", 2)
        raw_id = bytes.fromhex(key_id)
    except ValueError as error:
        raise MalformedVerifierKey(_VKEY_FORMAT) from error
    _check_name(name)
    raw = parse_base64(material)
    if not raw or len(raw_id) != KEY_ID_BYTES:
        raise MalformedVerifierKey(_VKEY_FORMAT)
    key = VerifierKey(name, raw_id, raw[0], raw[1:])
    if format_vkey(key) != text:
        raise MalformedVerifierKey(_VKEY_FORMAT)
    return key


def format_vkey(key: VerifierKey) -> str:
    """Write a verifier key as C2SP signed-note does."""
    return f"{key.name}+{key.key_id.hex()}+{format_base64(bytes([key.type]) + key.public)}"


def parse_note(data: bytes) -> Note:
    """Read a signed note of at most 256 KiB and 64 signatures; raises MalformedNote."""
    if len(data) > NOTE_BYTES:
        raise MalformedNote(f"a note has at most {NOTE_BYTES} bytes")
    if len(data.translate(None, _NOT_ALLOWED)) != len(data):
        raise MalformedNote("a note has no control characters but newlines")
    text, _, block = data.rpartition(b"\n\n")
    try:
        text.decode()
        *lines, rest = block.decode().split("\n")
    except UnicodeDecodeError as error:
        raise MalformedNote("a note is UTF-8") from error
    if rest or not 0 < len(lines) <= NOTE_SIGNATURES:
        raise MalformedNote(f"after its last empty line a note has 1 to {NOTE_SIGNATURES} lines")
    note = Note(text + b"\n", tuple([_parse_signature(line) for line in lines]))
    if format_note(note) != data:
        raise MalformedNote("a note is text, an empty line and lines with canonical base64")
    return note


def _parse_signature(line: str) -> NoteSignature:
    match = _SIGNATURE_LINE.fullmatch(line)
    if match is None:
        raise MalformedNote("a signature line is — <key name> <base64>")
    name, text = match.groups()
    try:
        raw = a2b_base64(text)
    except ValueError as error:
        raise MalformedNote("a signature is padded base64") from error
    if len(raw) <= KEY_ID_BYTES:
        raise MalformedNote("a signature line holds a key id of 4 bytes and a signature")
    return NoteSignature(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def format_note(note: Note) -> bytes:
    """Write a signed note."""
    return note.text + b"\n" + format_signatures(note.signatures)


def parse_signatures(data: bytes) -> tuple[NoteSignature, ...]:
    """Read 1 to 64 signature lines alone, as witnesses answer them; raises MalformedNote."""
    text, signatures = parse_note(b"\n\n" + data)
    if text != b"\n":
        raise MalformedNote("signature lines have no empty line among them")
    return signatures


def format_signatures(signatures: Iterable[NoteSignature]) -> bytes:
    """Write signature lines."""
    return "".join(
        f"— {name} {format_base64(key_id + signature)}\n" for name, key_id, signature in signatures
    ).encode()


def add_signatures(note: Note, signatures: Iterable[NoteSignature]) -> Note:
    """The note with these lines after its own, but for those of a key that has a line already."""
    added = {(line.name, line.key_id): line for line in signatures}
    for line in note.signatures:
        added.pop((line.name, line.key_id), None)
    return Note(note.text, (*note.signatures, *added.values()))


def verify_note(note: Note, keys: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
    """The keys that signed the note, in the order of its lines, each having verified.

    Raises WrongSignature if any line of a known key does not verify, UnknownSigners if no line is
    by a known key, UnknownSignatureType if such a line cannot be checked.
    """
    known = {(key.name, key.key_id): key for key in keys}
    signers = []
    for name, key_id, signature in note.signatures:
        key = known.get((name, key_id))
        if key is not None:
            verify_signature(key, note.text, signature)
            signers.append(key)
    if not signers:
        raise UnknownSigners("the note is not signed by any key that is trusted here")
    return tuple(signers)


def verify_signature(key: VerifierKey, text: bytes, signature: bytes) -> None:
    """Check one signature of a note's text by a key of type 1 or 4.

    Raises WrongSignature, UnknownSignatureType.
    """
    if key.loaded is None:
        raise UnknownSignatureType(f"{key.name}: signature type {key.type} cannot be checked here")
    try:
        if key.type == COSIGNATURE:
            timestamp_s, signature = parse_cosignature(signature)
            text = cosignature_message(text, timestamp_s)
        key.loaded.verify(signature, text)
    except (NotByKey, MalformedCosignature) as error:
        raise WrongSignature(f"{key.name}: the signature does not verify") from error


def cosignature_message(text: bytes, timestamp_s: int) -> bytes:
    """What a witness signs: the note text of a checkpoint as seen at a time in POSIX seconds."""
    return b"cosignature/v1\ntime %d\n%b" % (timestamp_s, text)


def parse_cosignature(data: bytes) -> Cosignature:
    """Read a u64 timestamp and 64 bytes of Ed25519; raises MalformedCosignature."""
    if len(data) != _TIMESTAMP_BYTES + _SIGNATURE_BYTES:
        raise MalformedCosignature("a cosignature has 8 bytes of time and 64 of signature")
    timestamp_s = int.from_bytes(data[:_TIMESTAMP_BYTES], "big")
    if timestamp_s > _LATEST_TIMESTAMP:
        raise MalformedCosignature("the time of a cosignature is below 2^63")
    return Cosignature(timestamp_s, data[_TIMESTAMP_BYTES:])


def format_cosignature(cosignature: Cosignature) -> bytes:
    """Write a cosignature as it stands in a signature line after the key id."""
    return cosignature.timestamp_s.to_bytes(_TIMESTAMP_BYTES, "big") + cosignature.signature
