"""That it is erasure: who knows every field of every document, and has all that is left (the log,
the issuer's directory with its keys, every receipt), still cannot say which entry is whose."""

from __future__ import annotations

import hmac
import math
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

import pytest

from chalicelib.cli.keyfile import IssuerSigner, read_key
from chalicelib.cli.prepare import Order, sign
from chalicelib.cli.rosters.issued import open_issued
from chalicelib.notary.issue import Issuing, make_sd_jwt_vc
from chalicelib.notary.profiles import profiles
from chalicelib.proof.document import Digests, commit, digest_document
from chalicelib.proof.hashes import Hash, sha256, sm3
from chalicelib.proof.jcs import JsonValue, format_jcs
from chalicelib.proof.payload import Register
from chalicelib.proof.receipt import HolderPart
from chalicelib.proof.statement import SignedStatement
from tests.cli.desk import Desk
from tests.cli.registrar import Registrar
from tests.cli.test_erase import entry_ids, erase, read_files
from tests.fakes import key_named

CANDIDATES = 16
TRIALS = 3_000
SIGMAS = 5.5
"""A true 1/16 strays so far once in 26 million runs."""

ORDER = Order(IssuerSigner("did:web:a.example", key_named("a")), "education/diploma", "jcs", 1)


def document(number: int) -> Digests:
    """All its fields are known: they follow from the number."""
    return digest_document(format_jcs({"name": "Ada", "student_number": f"S{number}"}), "jcs")


DOCUMENTS = [document(number) for number in range(CANDIDATES)]


def commitments(statement: SignedStatement) -> tuple[Hash, Hash]:
    payload = statement.statement.payload
    assert isinstance(payload, Register)
    return payload.sha256, payload.sm3


Salt = Callable[[SignedStatement, Digests, bytes], bytes]
"""What somebody tries as a salt, given a statement, a document, and the true salt."""

GUESSES: dict[str, Salt] = {
    "zeros": lambda *_: bytes(32),
    "the document's own digest": lambda _, digests, __: digests.sha256,
    "its other digest": lambda _, digests, __: digests.sm3,
    "the entry's id": lambda statement, *_: statement.entry_id,
    "the lineage": lambda statement, *_: sha256(statement.statement.sub.encode()),
    "the key's id": lambda statement, *_: statement.statement.kid,
    "the signature": lambda statement, *_: sha256(statement.signature),
    "the first commitment": lambda statement, *_: commitments(statement)[0],
    "the salt but for one bit": lambda _, __, salt: bytes([salt[0] ^ 1]) + salt[1:],
}


def nearness(one: bytes, other: bytes) -> int:
    """Bits in common: if anything of a document shone through, the right one would be nearer."""
    return 256 - (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def pick(statement: SignedStatement, salt_of: Callable[[Digests], bytes]) -> int:
    """The candidate whose commitments with that salt are nearest to the statement's."""
    wanted = commitments(statement)
    scores = []
    for digests in DOCUMENTS:
        made = commit(salt_of(digests), digests)
        scores.append(sum(map(nearness, made, wanted)))
    return scores.index(max(scores))


def register(number: int) -> tuple[SignedStatement, bytes]:
    digests = DOCUMENTS[number]
    holder = HolderPart("jcs", b"", digests.sha256, digests.sm3)
    signed = sign(str(number), holder, ORDER)
    return signed.statement, signed.holder.salt


@pytest.fixture(scope="module")
def registered() -> list[tuple[int, SignedStatement, bytes]]:
    """Documents by chance among the candidates, each with its entry and its salt."""
    numbers = [Random(n).randrange(CANDIDATES) for n in range(TRIALS)]
    return [(number, *register(number)) for number in numbers]


Registered = Sequence[tuple[int, SignedStatement, bytes]]


@pytest.mark.parametrize("guess", GUESSES)
def test_without_the_salt_matching_is_chance(guess: str, registered: Registered) -> None:
    salt_of = GUESSES[guess]
    hits = 0
    for number, statement, salt in registered:

        def guessed(digests: Digests, s: SignedStatement = statement, t: bytes = salt) -> bytes:
            return salt_of(s, digests, t)

        hits += pick(statement, guessed) == number
    chance = 1 / CANDIDATES
    spread = math.sqrt(TRIALS * chance * (1 - chance))
    assert abs(hits - TRIALS * chance) < SIGMAS * spread


def test_with_the_salt_it_is_certain(registered: Registered) -> None:
    """The control: the same search, which only has the salt."""
    hits = 0
    for number, statement, salt in registered:
        hits += pick(statement, lambda _, s=salt: s) == number  # type: ignore[misc]
    assert hits == TRIALS


# --- With all that is left on the issuer's machine and in the log

_HEX = re.compile(rb"[0-9a-f]{64,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{43,}={0,2}")


def readings(data: bytes) -> Iterator[bytes]:
    """A file's bytes, and what hex and base64 in it stand for, at every alignment."""
    yield data
    for found in _HEX.findall(data):
        for start in (0, 1):
            text = found[start:]
            yield bytes.fromhex(text[: len(text) // 2 * 2].decode())
    for found in _BASE64.findall(data):
        text = found.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
        for start in range(4):
            whole = text[start:]
            yield b64decode(whole[: len(whole) // 4 * 4])


def windows(files: Mapping[str, bytes]) -> set[bytes]:
    """Every 32 bytes in a row that anything which is left may be read as."""
    return {
        reading[at : at + 32]
        for data in files.values()
        for reading in readings(data)
        for at in range(len(reading) - 31)
    }


def everything(desk: Desk, out: Path) -> dict[str, bytes]:
    """The issuer's directory and keys, and the whole log as anybody reads it."""
    log = {f"log/{n}": each.entry for n, each in enumerate(desk.registered())}
    public = {f"store/{key}": data for key, data in desk.front.service.log.tiles.data.items()}  # type: ignore[attr-defined]
    return {**read_files(out), "key": desk.key.read_bytes(), **log, **public}


def openings(salts: Iterable[bytes], digests: Digests, wanted: Hash) -> list[bytes]:
    return [salt for salt in salts if sha256(salt + digests.sha256) == wanted]


def test_no_salt_is_left_anywhere(desk: Desk) -> None:
    """Whatever is left is tried as a salt, the known document given."""
    desk.notarise()
    digests = digest_document((desk.path / "ada.json").read_bytes(), "jcs")
    entry = entry_ids(desk.out)["ada.json"]
    (statement,) = (each for each in desk.registered() if each.entry_id.hex() == entry)
    wanted = commitments(statement)[0]
    assert len(openings(windows(everything(desk, desk.out)), digests, wanted)) == 1
    erase(desk, desk.out, "ada.json")
    left = windows(everything(desk, desk.out))
    assert len(left) > 5_000
    assert openings(left, digests, wanted) == []
    other = digest_document((desk.path / "siôn.json").read_bytes(), "jcs")
    known = {commitments(each)[0] for each in desk.registered()}
    assert any(openings(left, other, each) for each in known)


def test_no_seed_and_no_keyed_digest_is_left_of_what_was_issued(desk: Desk) -> None:
    """Seeds would make the very credential again, and the key of the list would find it by its
    natural key or its claims."""
    registrar = Registrar(desk)
    registrar.issue(registrar.roster())
    signer = read_key(desk.key)
    issuing = Issuing(signer.iss, signer.key, profiles()["education/diploma"])
    claims: dict[str, JsonValue] = {
        "name": "Ada Lovelace",
        "student_number": "S1",
        "award": {"title": "Bachelor of Science", "level": "bachelor"},
        "awarded_on": "2025-07-09",
    }
    with open_issued(registrar.out) as issued:
        key = issued.key
        (ada,) = (each for each in issued.all() if each.name == "graduates-0002")
        digests = {
            issued.digest(signer.iss, "education/diploma", "S1", "Bachelor of Science"),
            issued.digest(claims, None),
        }
    made = make_sd_jwt_vc(issuing, claims, ada.seed, ada.iat, None, ada.place)
    traces = {ada.seed, *digests, sha256(made.encode()), sm3(made.encode())}
    traces |= {sha256(made.partition("~")[0].encode()), sm3(made.partition("~")[0].encode())}
    before = windows(everything(desk, registrar.out))
    assert {ada.seed, *digests, sha256(made.encode())} <= before
    erase(desk, registrar.out, "graduates-0002")
    left = windows(everything(desk, registrar.out))
    assert key in left
    assert not traces & left
    said: list[JsonValue] = [claims, [claims, None], ["S1", "Bachelor of Science"]]
    parts = [format_jcs(part) for part in said]
    assert not {hmac.digest(key, part, "sha256") for part in parts} & left
