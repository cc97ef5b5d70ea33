"""Every limit of the formats, in one place. Those of the service are in ``notary/limits.py``."""

HASH_BYTES = 32
SALT_BYTES = 32

ENTRY_BYTES = 4_000
"""An entry, and so a signed statement, has at most this many bytes."""

DOCUMENT_BYTES = 1 << 28
"""A document that the command verifies is read whole and has at most this many bytes."""

RECEIPT_BYTES = 1 << 20
"""A receipt file has at most this many bytes."""

POLICY_BYTES = 16 << 20
"""A policy file, chain headers included, has at most this many bytes."""

NOTE_BYTES = 256 << 10
NOTE_SIGNATURES = 64
"""A signed note has at most this many signature lines (C2SP signed-note asks for 16 or more)."""

TREE_SIZE = (1 << 63) - 1
"""Tree sizes and indices never exceed this, so that other languages can hold them too."""

PROOF_HASHES = 63
"""An inclusion path is never longer: tree sizes stay below 2^63."""

TLOG_POLICY_NAMES = 1_000
"""Logs, witnesses and groups together in one tlog-policy (C2SP asks for 32 of each or more)."""

INTEGER = (1 << 53) - 1
"""The largest integer in any JSON of ours, and the largest I-JSON integer (RFC 7493 §2.2)."""

JSON_DEPTH = 100
"""Nesting of JSON documents; deeper ones are refused, not followed."""

JSON_DIGITS = 17
"""Significant digits of a JSON number, leading zeros not counted."""

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
"""C2SP tlog-tiles: tiles of 256 hashes, entry bundles of 256 entries."""

CBOR_DEPTH = 16
"""Nesting of CBOR items; our deepest format, a COSE receipt, needs 6."""

OTS_BYTES = 1 << 16
"""An OpenTimestamps proof: those of a calendar have a few hundred bytes, at most 10,000."""

OTS_DEPTH = 256
"""Operations one below the other; the reference client follows no more than 255 either."""

OTS_MESSAGE_BYTES = 4_096
"""A message or an operand in an OpenTimestamps proof (python-opentimestamps ``core/op.py``)."""

OTS_PAYLOAD_BYTES = 8_192
"""The payload of an attestation in an OpenTimestamps proof (``core/notary.py``)."""

OTS_URI_BYTES = 1_000
"""The address of a calendar in a pending attestation (``core/notary.py``)."""

BITCOIN_CLOCK_S = 7_200
"""What a Bitcoin header's time is worth: nodes take blocks of up to two hours ahead of them, and a
time need only be later than the median of the eleven blocks before."""

ADD_CHECKPOINT_BYTES = 64 << 10
"""A log's request to a witness: a path of 63 hashes and a note of 64 signatures have a fifth."""
