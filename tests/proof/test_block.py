"""Blocks: the link entry, the header and its hash, the signature that binds both to the root."""

from __future__ import annotations

import hashlib

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycose.keys.okp import OKPKey
from pycose.messages.sign1message import Sign1Message

from chalicelib.proof.block import (
    GENESIS,
    HEADER_BYTES,
    Block,
    Link,
    block_protected,
    block_to_be_signed,
    format_link,
    parse_header,
    parse_link,
    verify_block_signature,
)
from chalicelib.proof.errors import Invalid, Malformed
from chalicelib.proof.hashes import EMPTY_ROOT, Hash, sha256
from chalicelib.proof.keys import SigningKey, parse_jwk
from chalicelib.proof.limits import INTEGER

from .vectors import load_vectors

VECTORS = load_vectors("block")
ORIGIN = "log.tally.example"
BLOCK = Block(ORIGIN, 7, sha256(b"previous"), 300, sha256(b"root"), 1_763_935_200_123)

HASHES = st.binary(min_size=32, max_size=32).map(Hash)
LINKS = st.builds(
    Link,
    height=st.integers(1, INTEGER),
    previous=HASHES,
    timestamp_ms=st.integers(0, INTEGER),
)
BLOCKS = st.builds(
    Block,
    origin=st.text(max_size=20),
    height=st.integers(1, INTEGER),
    previous=HASHES,
    size=st.integers(0, INTEGER),
    root=HASHES,
    timestamp_ms=st.integers(0, INTEGER),
)


def names(kind: str, *, good: bool) -> list[str]:
    return [n for n, v in VECTORS.items() if n.startswith(kind) and ("error" not in v) is good]


class TestLink:
    @pytest.mark.parametrize("name", names("link", good=True))
    def test_reads_and_writes_the_same_bytes(self, name: str) -> None:
        vector = VECTORS[name]
        link = parse_link(bytes.fromhex(vector["link"]))
        assert link.height == vector["height"]
        assert link.previous.hex() == vector["previous"]
        assert link.timestamp_ms == vector["timestamp_ms"]
        assert format_link(link).hex() == vector["link"]

    @pytest.mark.parametrize("name", names("link", good=False))
    def test_refuses_by_name(self, name: str) -> None:
        with pytest.raises(Malformed) as caught:
            parse_link(bytes.fromhex(VECTORS[name]["link"]))
        assert type(caught.value).__name__ == VECTORS[name]["error"]

    @given(LINKS)
    def test_round_trip(self, link: Link) -> None:
        assert parse_link(format_link(link)) == link

    @given(LINKS, st.data())
    def test_a_changed_byte_is_malformed_or_another_link(
        self, link: Link, data: st.DataObject
    ) -> None:
        good = format_link(link)
        at = data.draw(st.integers(0, len(good) - 1))
        bad = good[:at] + data.draw(st.binary(max_size=2)) + good[at + 1 :]
        try:
            read = parse_link(bad)
        except Malformed:
            return
        assert format_link(read) == bad
        assert (read == link) == (bad == good)


class TestHeader:
    @pytest.mark.parametrize("name", names("header", good=True))
    def test_reads_and_writes_the_same_bytes(self, name: str) -> None:
        vector = VECTORS[name]
        block = parse_header(bytes.fromhex(vector["header"]), vector["origin"])
        assert block.header.hex() == vector["header"]
        assert block.hash.hex() == vector["hash"]
        assert (block.height, block.size) == (vector["height"], vector["size"])
        assert block.timestamp_ms == vector["timestamp_ms"]

    @pytest.mark.parametrize("name", names("header", good=False))
    def test_refuses_by_name(self, name: str) -> None:
        vector = VECTORS[name]
        with pytest.raises(Malformed) as caught:
            parse_header(bytes.fromhex(vector["header"]), vector["origin"])
        assert type(caught.value).__name__ == vector["error"]

    def test_is_laid_out_as_written(self) -> None:
        header = b"".join(
            (
                b"\x01",
                hashlib.sha256(ORIGIN.encode()).digest(),
                (7).to_bytes(8, "big"),
                BLOCK.previous,
                (300).to_bytes(8, "big"),
                BLOCK.root,
                (1_763_935_200_123).to_bytes(8, "big"),
            )
        )
        assert BLOCK.header == header
        assert len(header) == HEADER_BYTES
        assert BLOCK.hash == hashlib.sha256(b"\x02" + header).digest()

    @given(BLOCKS)
    def test_round_trip(self, block: Block) -> None:
        assert parse_header(block.header, block.origin) == block

    @given(st.binary(min_size=HEADER_BYTES, max_size=HEADER_BYTES))
    def test_other_bytes_are_malformed(self, data: bytes) -> None:
        with pytest.raises(Malformed):
            parse_header(data, ORIGIN)

    def test_height_0_is_the_empty_tree_at_time_0(self) -> None:
        assert GENESIS(ORIGIN) == Block(ORIGIN, 0, Hash(bytes(32)), 0, EMPTY_ROOT, 0)


class TestSignature:
    @pytest.mark.parametrize("name", names("signature", good=True))
    def test_verifies_to_the_block(self, name: str) -> None:
        vector = VECTORS[name]
        block = parse_header(bytes.fromhex(vector["header"]), vector["origin"])
        key = parse_jwk(vector["jwk"])
        assert block_to_be_signed(block, key.kid).hex() == vector["to_be_signed"]
        assert verify_block_signature(block, key, bytes.fromhex(vector["signature"])) is block

    @pytest.mark.parametrize("name", names("signature", good=False))
    def test_refuses_by_name(self, name: str) -> None:
        vector = VECTORS[name]
        block = parse_header(bytes.fromhex(vector["header"]), vector["origin"])
        with pytest.raises(Invalid) as caught:
            verify_block_signature(
                block, parse_jwk(vector["jwk"]), bytes.fromhex(vector["signature"])
            )
        assert type(caught.value).__name__ == vector["error"]

    @pytest.mark.parametrize("field", ["origin", "height", "previous", "size", "root"])
    def test_binds_every_field_of_the_header(self, field: str) -> None:
        key = SigningKey.generate()
        signature = key.sign(block_to_be_signed(BLOCK, key.public.kid))
        other = Block("log.other.example", 8, sha256(b"p"), 301, sha256(b"r"), 1)
        with pytest.raises(Invalid):
            verify_block_signature(
                BLOCK._replace(**{field: getattr(other, field)}), key.public, signature
            )

    def test_the_protected_header_is_exactly_the_designed_one(self) -> None:
        kid = sha256(b"kid")
        assert cbor2.loads(block_protected(ORIGIN, BLOCK.hash, kid)) == {
            1: -8,
            4: kid,
            15: {1: ORIGIN, 2: f"urn:tally:block:{BLOCK.hash.hex()}"},
            395: 1,
        }

    def test_pycose_verifies_it_with_the_root_as_detached_payload(self) -> None:
        key = SigningKey.generate()
        protected = block_protected(ORIGIN, BLOCK.hash, key.public.kid)
        signature = key.sign(block_to_be_signed(BLOCK, key.public.kid))
        message = Sign1Message.from_cose_obj([protected, {}, None, signature], True)
        message.key = OKPKey(crv="ED25519", x=key.public.x)
        assert message.verify_signature(detached_payload=bytes(BLOCK.root))
        assert not message.verify_signature(detached_payload=bytes(32))
