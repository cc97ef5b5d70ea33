"""The HTTP client of witnesses: what it sends, and what it makes of every answer.

The witness here is a mock that answers what a test tells it to, for a real one does not lie; with
real ones it is tested in ``test_witness_aics.py``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chalicelib.adapters.http import Http
from chalicelib.adapters.witness import HttpWitness, system_clock_s
from chalicelib.notary.networks import FalseProof, NetworkError, NetworkRefused, Unreachable
from chalicelib.notary.witnesses import LogForked, OldSizeConflict, SignatureRefused, UnknownLog
from chalicelib.proof.checkpoint import Checkpoint, format_checkpoint_text, format_signed_checkpoint
from chalicelib.proof.hashes import Hash
from chalicelib.proof.note import (
    Cosignature,
    NoteSignature,
    cosignature_message,
    cosignature_vkey,
    ed25519_vkey,
    format_cosignature,
    format_signatures,
    parse_note,
)
from chalicelib.proof.tlogwitness import AddCheckpoint, parse_add_checkpoint
from infra.local_cloud import HOST, free_port
from tests.fakes import key_named

NOW_S = 1_790_000_000
LOG, WITNESS = key_named("log"), key_named("witness")
KEY = cosignature_vkey("witness.test/w", WITNESS.public.x)
CHECKPOINT = Checkpoint("log.test", 9, Hash(bytes(range(32))))
TEXT = format_checkpoint_text(CHECKPOINT)
NOTE = parse_note(
    format_signed_checkpoint(CHECKPOINT, ed25519_vkey("log.test", LOG.public.x), LOG.sign(TEXT))
)
REQUEST = AddCheckpoint(5, (Hash(bytes(32)),), NOTE)
SAME_SIZE = AddCheckpoint(9, (), NOTE)
SIZE = "text/x.tlog.size"


def line(time_s: int = NOW_S, *, text: bytes = TEXT, name: str = KEY.name) -> NoteSignature:
    raw = WITNESS.sign(cosignature_message(text, time_s))
    return NoteSignature(name, KEY.key_id, format_cosignature(Cosignature(time_s, raw)))


GOOD = line()
STRANGER = NoteSignature("witness.test/x", b"abcd", bytes(72))


class Mock:
    """Answers every request the same."""

    def __init__(self) -> None:
        self.status, self.body, self.media = 200, b"", "text/plain"
        self.asked: list[tuple[str, bytes]] = []
        mock = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                mock.asked.append((self.path, body))
                self.send_response(mock.status)
                self.send_header("Content-Type", mock.media)
                self.send_header("Content-Length", str(len(mock.body)))
                self.end_headers()
                self.wfile.write(mock.body)

            def log_message(self, *_: object) -> None:
                """Tests print what they want to see themselves."""

        self.server = ThreadingHTTPServer((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self.server.server_port}/prefix"

    def says(self, status: int, body: bytes = b"", media: str = "text/plain") -> None:
        self.status, self.body, self.media = status, body, media


@pytest.fixture
def mock() -> Iterator[Mock]:
    mock = Mock()
    thread = threading.Thread(target=mock.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield mock
    mock.server.shutdown()
    thread.join()
    mock.server.server_close()


@pytest.fixture
def witness(mock: Mock) -> HttpWitness:
    return HttpWitness(Http(mock.url), KEY, "w", lambda: NOW_S)


def test_the_request_is_posted_under_the_submission_prefix(
    mock: Mock, witness: HttpWitness
) -> None:
    mock.says(200, format_signatures([GOOD]))
    assert witness.add_checkpoint(REQUEST) == GOOD
    [(path, body)] = mock.asked
    assert path == "/prefix/add-checkpoint"
    assert parse_add_checkpoint(body) == REQUEST
    assert (witness.name, witness.key) == ("w", KEY)


def test_lines_of_other_keys_are_ignored(mock: Mock, witness: HttpWitness) -> None:
    mock.says(200, format_signatures([STRANGER, GOOD, GOOD._replace(key_id=b"efgh")]))
    assert witness.add_checkpoint(REQUEST) == GOOD


@pytest.mark.parametrize(
    "lines",
    [
        [STRANGER],
        [GOOD._replace(signature=bytes(72))],
        [GOOD._replace(signature=GOOD.signature[:-1])],
        [GOOD, GOOD._replace(signature=bytes(72))],
        [line(text=TEXT.replace(b"\n9\n", b"\n8\n"))],
        [GOOD._replace(signature=WITNESS.sign(TEXT))],
    ],
    ids=["none", "false", "short", "one-false", "of-another-checkpoint", "without-time"],
)
def test_a_line_that_does_not_verify_is_a_false_proof(
    mock: Mock, witness: HttpWitness, lines: list[NoteSignature]
) -> None:
    mock.says(200, format_signatures(lines))
    with pytest.raises(FalseProof):
        witness.add_checkpoint(REQUEST)


@pytest.mark.parametrize("time_s", [0, 1, NOW_S - 86_401, NOW_S + 601, 2**62])
def test_a_time_that_is_nonsense_is_a_false_proof(
    mock: Mock, witness: HttpWitness, time_s: int
) -> None:
    mock.says(200, format_signatures([line(time_s)]))
    with pytest.raises(FalseProof, match="before our clock"):
        witness.add_checkpoint(REQUEST)


@pytest.mark.parametrize("time_s", [NOW_S - 86_400, NOW_S + 600])
def test_clocks_may_differ(mock: Mock, witness: HttpWitness, time_s: int) -> None:
    mock.says(200, format_signatures([line(time_s)]))
    assert witness.add_checkpoint(REQUEST) == line(time_s)


@pytest.mark.parametrize(
    "body", [b"", b"\n", b"<html>", b"\xff", b"text\n\n" + format_signatures([GOOD])]
)
def test_an_answer_that_is_no_lines_is_no_answer(
    mock: Mock, witness: HttpWitness, body: bytes
) -> None:
    mock.says(200, body)
    with pytest.raises(Unreachable):
        witness.add_checkpoint(REQUEST)


@pytest.mark.parametrize("size", [0, 4, 9, 10, 2**63 - 1])
def test_another_size_is_a_conflict_that_names_it(
    mock: Mock, witness: HttpWitness, size: int
) -> None:
    mock.says(409, b"%d\n" % size, f"{SIZE}; charset=utf-8")
    with pytest.raises(OldSizeConflict) as conflict:
        witness.add_checkpoint(REQUEST)
    assert conflict.value.size == size


@pytest.mark.parametrize(
    ("body", "media"),
    [(b"5\n", SIZE), (b"", SIZE), (b"4", SIZE), (b"04\n", SIZE), (b"4\n", "text/plain")],
    ids=["the-size-that-was-sent", "empty", "no-newline", "leading-zero", "another-media-type"],
)
def test_a_conflict_that_names_no_other_size_is_no_answer(
    mock: Mock, witness: HttpWitness, body: bytes, media: str
) -> None:
    mock.says(409, body, media)
    with pytest.raises(Unreachable):
        witness.add_checkpoint(REQUEST)


@pytest.mark.parametrize(("body", "media"), [(b"9\n", SIZE), (b"no\n", "text/plain")])
def test_a_conflict_at_the_same_size_is_a_fork(
    mock: Mock, witness: HttpWitness, body: bytes, media: str
) -> None:
    """So tlog-witness v1.0.0 answers to another root; later versions answer 422."""
    mock.says(409, body, media)
    with pytest.raises(LogForked):
        witness.add_checkpoint(SAME_SIZE)


@pytest.mark.parametrize(
    ("status", "kind", "name"),
    [
        (400, NetworkRefused, "refused"),
        (403, SignatureRefused, "signature-refused"),
        (404, UnknownLog, "unknown-log"),
        (405, NetworkRefused, "refused"),
        (422, LogForked, "log-forked"),
        (429, Unreachable, "unreachable"),
        (302, Unreachable, "unreachable"),
        (500, Unreachable, "unreachable"),
        (503, Unreachable, "unreachable"),
    ],
)
def test_each_refusal_has_its_name(
    mock: Mock, witness: HttpWitness, status: int, kind: type[NetworkError], name: str
) -> None:
    mock.says(status, b"secret of the witness")
    with pytest.raises(NetworkError) as refused:
        witness.add_checkpoint(REQUEST)
    assert type(refused.value) is kind
    assert refused.value.name == name
    assert "secret" not in str(refused.value)


def test_nobody_there() -> None:
    witness = HttpWitness(Http(f"http://{HOST}:{free_port()}"), KEY, "w")
    with pytest.raises(Unreachable):
        witness.add_checkpoint(REQUEST)


def test_a_key_of_another_type_is_our_own_mistake(mock: Mock) -> None:
    with pytest.raises(AssertionError):
        HttpWitness(Http(mock.url), ed25519_vkey("w", WITNESS.public.x), "w")


def test_the_clock_is_that_of_the_machine() -> None:
    assert system_clock_s() > 1_700_000_000
