"""Every limit of the formats, in one place. Those of the service are in ``notary/limits.py``."""

HASH_BYTES = 32
SALT_BYTES = 32

ENTRY_BYTES = 4_000
"""An entry, and so a signed statement, has at most this many bytes."""

DOCUMENT_BYTES = 1 << 28
"""A document that the command verifies is read whole and has at most this many bytes."""

RECEIPT_BYTES = 1 << 20
"""A receipt file has at most this many bytes."""

ATTESTATIONS = 64
"""Outside evidence of one block in a receipt; a service with a dozen parties has less."""

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

OTS_NODES = 4_096
"""Operations in an OpenTimestamps proof, over all its branches; each is executed."""

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

RLP_BYTES = 1 << 20
"""What is read as RLP has at most this many bytes, as a receipt does."""

RLP_DEPTH = 16
"""Nesting of lists; a transaction with an access list needs 4, a trie node with nodes in it 12."""

EVM_HEADER_BYTES = 8_192
"""A header has at most this many bytes: Ethereum's have some 650, but chains of authorities list
those in it."""

EVM_TIME_S = INTEGER // 1_000 - 86_400
"""A block's time is at most this: in milliseconds it and what is added to it stay below 2^53."""

EVM_NODE_BYTES = 1_024
"""A node of a proof has at most this many bytes: a branch 532, our leaf some 200."""

EVM_CLOCK_S = 15
"""A block states the beginning of its slot, and is published within it, which on Ethereum is 12 s;
nodes of other chains take blocks that are up to 15 s off their clocks. So the block, and what it
holds, existed at the latest so long after the time that it states."""

TOKEN_BYTES = 64 << 10
"""A time-stamp token has at most this many bytes; with a chain of three RSA certificates it has
about 6,000."""

TOKEN_CERTIFICATES = 16
"""Certificates embedded in one token."""

PATH_LINKS = 5
"""Signatures between a token's signer and a certificate of the policy."""

TSA_ACCURACY_MS = 1_000
"""Either side of the time of a token that states no accuracy (RFC 3161 §2.4.2 leaves it open)."""

TSA_ACCURACY_S = 86_400
"""A token that is less accurate than a day is refused: it says nothing that a block does not."""

DER_INTEGER_BYTES = 64
DER_OID_BYTES = 64
"""Integers and object identifiers in DER; serial numbers have 20 bytes (RFC 5280 §4.1.2.2)."""

DER_NAME_BYTES = 2_000
"""A distinguished name, whose parts have about 64 characters (RFC 5280 appendix A)."""

RSA_BITS = 2_048
RSA_MOST_BITS = 8_192
RSA_EXPONENT_BITS = 64
"""RSA keys of fewer bits are weak; larger moduli and exponents only cost time."""

JWS_BYTES = 1 << 20
"""A compact JWS (RFC 7515 §7.1), and so the JWT that an issuer signs, has at most this many
characters."""

JOSE_HEADER_BYTES = 4_096
"""The header of a JWS in base64url; ours has about 150 characters."""

SD_JWT_BYTES = 1 << 20
"""An SD-JWT with its disclosures and its key binding has at most this many characters."""

SD_JWT_DISCLOSURES = 5_000
"""Disclosures in one SD-JWT; a transcript of a hundred courses with all their details has 1,000."""

SD_SALT_BYTES = 16
"""The salt of a disclosure has at least this many random bytes (RFC 9901 §9.3: 128 bits)."""

KEY_BINDING_AGE_S = 600
"""A key binding is made while the verifier waits: it is at most this old (RFC 9901 §7.3 step 5)."""

CLOCK_SKEW_S = 60
"""A holder's clock may be this far ahead of the verifier's."""

CREDENTIAL_BYTES = 4 << 20
"""A JSON credential or presentation has at most this many bytes, a status list among them."""

PROOF_VALUE_CHARACTERS = 96
"""A multibase proof value: 64 bytes take at most 88 digits of base58btc."""

MULTIKEY_CHARACTERS = 64
"""A Multikey: the two bytes that name Ed25519 and 32 of the key take 47 digits of base58btc."""

CREDENTIAL_ID_CHARACTERS = 2_048
"""An id in a credential: of an issuer, a subject, a key, a status list."""

CREDENTIAL_ITEMS = 1_000
"""Contexts, types, subjects or status entries of one credential, or credentials of one
presentation."""

STATUS_ENTRIES_LEAST = 1 << 17
"""A status list has at least this many entries, 16 KiB, so that no entry stands out (Bitstring
Status List v1.0 §6.1)."""

STATUS_LIST_BYTES = 1 << 21
"""A bitstring, decompressed, has at most this many bytes: 16,777,216 entries."""

PROFILE_BYTES = 64 << 10
"""An issuer's profile has at most this many bytes; with two keys and an accreditation some 900."""

PROFILE_ITEMS = 100
"""Keys, and accreditations, of one issuer."""

PROFILE_TEXT = 300
"""Characters of an issuer's name, of a register's name and of a number in it."""

STATUS_BYTES = 512 << 10
"""An entry status document has at most this many bytes: it has to fit into receipts."""

STATUS_FRESH_MS = 300_000
"""A status list speaks for so long after it was read from the log; then there may be a newer one.
"""

ERASURE_ENTRIES = 1_000
ERASURE_BYTES = 128 << 10
"""Entries of one erasure receipt, and its bytes: an entry takes 67, and a third more in base64."""
