"""Admission: what is let in, what is refused by which name, and that a refusal leaves nothing."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.notary import admit as module
from chalicelib.notary.admit import (
    Caller,
    Refused,
    admit_statement,
    admit_upload,
    bulk_id,
    open_upload,
    upload_id,
    upload_key,
)
from chalicelib.notary.jobs import job_status
from chalicelib.notary.limits import AHEAD_S, BULK_BYTES, UPLOAD_BYTES
from chalicelib.notary.ports import IssuerKey, Job, Single, Upload
from chalicelib.proof.hashes import Hash, sha256
from chalicelib.proof.keys import ES256
from chalicelib.proof.payload import IssuerNotice, Register, StatusChange, StatusListNotice
from chalicelib.proof.statement import entry_id, sign_statement
from tests.fakes import START_MS, MemoryObjects, MemoryUploads, key_named
from tests.notary.desk import (
    CALLER,
    HOSPITAL,
    IAT,
    NOTARY,
    UNIVERSITY,
    Desk,
    issuer_of,
    registered,
    revoked,
    signed,
    sub_of,
    superseded,
)

DIGEST = sha256(b"document")


def state(desk: Desk) -> Any:
    """Everything stored."""
    log: Any = desk.log
    return deepcopy(
        (log.pending.queue, log.pending.poison, log.jobs.rows, log.work.data, log.tiles.data)
    )


def register(profile: str = "education/diploma") -> Register:
    return Register(profile, "raw", DIGEST, DIGEST)


def with_byte(entry: bytes, at: int, value: int) -> bytes:
    changed = bytearray(entry)
    changed[at] ^= value
    return bytes(changed)


def by_key(name: str, alg: int = -8) -> bytes:
    return sign_statement(register(), UNIVERSITY, sub_of(1), IAT, key_named(name, alg))


ENTRY = registered(1)
INTEGRATED = registered(50)
REVOCATION = revoked(INTEGRATED, 50)

REFUSALS: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "malformed-cbor"),
    "not-cbor": (lambda: b"\xff", "malformed-cbor"),
    "trailing-byte": (lambda: ENTRY + b"\x00", "malformed-cbor"),
    "length-not-shortest": (lambda: b"\xd8\x12" + ENTRY[1:], "malformed-cbor"),
    "no-statement": (lambda: b"\xf5", "malformed-statement"),
    "a-link": (lambda: b"\x84\x6etally-block/v1\x01\x41\x00\x00", "malformed-statement"),
    "too-long": (lambda: ENTRY + bytes(4000), "entry-too-large"),
    "unknown-alg": (lambda: ENTRY.replace(b"\xa4\x01\x27", b"\xa4\x01\x32"), "unknown-alg"),
    "unknown-kind": (lambda: ENTRY.replace(b"hregister", b"hregistar"), "unknown-kind"),
    "unknown-profile": (lambda: signed(register("education/degree"), 1), "unknown-profile"),
    "changed-profile": (
        lambda: superseded(INTEGRATED, 50).replace(b"education/diploma", b"education/diplomb"),
        "wrong-signature",
    ),
    "wrong-signature": (lambda: with_byte(ENTRY, -1, 1), "wrong-signature"),
    "changed-digest": (lambda: ENTRY.replace(sha256(b"document 1"), DIGEST), "wrong-signature"),
    "unknown-key": (lambda: by_key("stranger"), "unknown-key"),
    "key-not-yet-good": (lambda: by_key("next", ES256), "unknown-key"),
    "key-no-longer-good": (lambda: by_key("last"), "unknown-key"),
    "unknown-issuer": (lambda: signed(register(), 1, iss="did:web:who.example"), "unknown-issuer"),
    "not-your-issuer": (lambda: signed(register(), 1, iss=HOSPITAL), "not-your-issuer"),
    "issued-in-future": (lambda: signed(register(), 1, iat=IAT + AHEAD_S + 1), "issued-in-future"),
    "notary-kind-issuer": (lambda: signed(IssuerNotice(UNIVERSITY, DIGEST), 1), "unknown-kind"),
    "notary-kind-list": (
        lambda: signed(StatusListNotice("https://a.example/1", DIGEST), 1),
        "unknown-kind",
    ),
    "sub-in-the-log": (lambda: registered(2, sub=50), "sub-not-new"),
    "unknown-target": (lambda: revoked(registered(2), 2), "unknown-target"),
    "pending-target": (lambda: revoked(registered(60), 60), "unknown-target"),
    "target-of-another-sub": (lambda: revoked(INTEGRATED, 51), "unknown-target"),
    "target-is-a-revocation": (lambda: revoked(REVOCATION, 50), "unknown-target"),
}


OTHER_ITEMS = {"nothing", "trailing-byte", "too-long"}
"""In a sequence these are no item, or two."""


def desk_with_history() -> Desk:
    """An entry and its revocation in the log, one of another issuer, and one still pending."""
    desk = Desk()
    university = issuer_of(UNIVERSITY, "cambrian")
    later = IssuerKey(key_named("next", ES256).public, START_MS + 1)
    past = IssuerKey(key_named("last").public, 0, to_ms=START_MS)
    desk.registry.put_issuer(replace(university, keys=(*university.keys, later, past)))
    desk.submit(INTEGRATED)
    desk.drain()
    desk.submit(REVOCATION)
    desk.drain()
    desk.submit(registered(60))
    return desk


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused_is_refused_by_name_and_leaves_nothing(name: str) -> None:
    make, expected = REFUSALS[name]
    desk = desk_with_history()
    before = state(desk)
    with pytest.raises(Refused) as refusal:
        desk.submit(make())
    assert refusal.value.name == expected
    assert len(refusal.value.detail) > 10
    assert state(desk) == before


@pytest.mark.parametrize("name", sorted(REFUSALS.keys() - OTHER_ITEMS))
def test_in_a_bulk_it_is_rejected_by_number_and_the_rest_goes_on(name: str) -> None:
    make, expected = REFUSALS[name]
    desk = desk_with_history()
    job = desk.submit_bulk([registered(3), make()])
    status = job_status(desk.log, job)
    assert status["accepted"] == 1
    assert [(each["item"], each["type"]) for each in status["rejected"]] == [(1, expected)]


def test_a_target_of_another_issuer_of_the_same_tenant_is_unknown() -> None:
    desk = Desk()
    foreign = signed(register(), 1, iss=NOTARY)
    desk.submit(foreign)
    desk.drain()
    with pytest.raises(Refused, match="another iss or sub"):
        desk.submit(revoked(foreign, 1))


def test_a_target_that_only_begins_like_an_entry_is_unknown() -> None:
    """The index knows the first 16 bytes of an id, so the entry itself is looked at."""
    desk = Desk()
    desk.submit(INTEGRATED)
    desk.drain()
    near = Hash(entry_id(INTEGRATED)[:16] + bytes(16))
    with pytest.raises(Refused, match="unknown-target"):
        desk.submit(signed(StatusChange("revoke", near, "other", IAT), 50))


def test_a_link_is_no_target() -> None:
    desk = Desk()
    desk.submit(INTEGRATED)
    desk.drain()
    bundle = desk.log.tiles.get("tile/entries/000.p/2")
    assert bundle is not None
    link = bundle[2 : 2 + int.from_bytes(bundle[:2], "big")]
    with pytest.raises(Refused, match="unknown-target"):
        desk.submit(revoked(link, 50))


def test_a_statement_dated_just_within_the_limit_is_accepted() -> None:
    desk = Desk()
    desk.submit(signed(register(), 1, iat=IAT + AHEAD_S))
    assert len(desk.log.pending.take(9)) == 1


def test_the_notary_may_make_its_own_statements() -> None:
    desk = Desk()
    desk.submit(
        signed(IssuerNotice(UNIVERSITY, DIGEST), 1, iss=NOTARY),
        signed(StatusListNotice("https://a.example/1", DIGEST), 2, iss=NOTARY),
    )
    [block] = desk.drain()
    assert block.size == 3


def test_what_is_accepted_is_pending_with_its_lineage_if_it_begins_one() -> None:
    desk = Desk()
    desk.submit(INTEGRATED)
    [single] = desk.log.pending.take(9)
    assert isinstance(single, Single)
    assert single.lineage == sha256(b"\x03" + sub_of(50).encode())
    desk.drain()
    desk.submit(REVOCATION)
    [single] = desk.log.pending.take(9)
    assert isinstance(single, Single)
    assert (single.id, single.entry) == (entry_id(REVOCATION).hex(), REVOCATION)
    assert single.lineage is None


def test_what_is_in_the_log_gets_the_same_answer_even_when_its_key_is_no_longer_good() -> None:
    desk = Desk()
    desk.submit(ENTRY)
    desk.drain()
    issuer = issuer_of(UNIVERSITY, "cambrian")
    ended = tuple(replace(each, to_ms=START_MS) for each in issuer.keys)
    desk.registry.put_issuer(replace(issuer, keys=ended))
    assert desk.submit(ENTRY) == [entry_id(ENTRY)]
    assert desk.log.pending.take(1) == []


def test_but_not_to_another_tenant() -> None:
    desk = Desk()
    desk.submit(ENTRY)
    desk.drain()
    stranger = Caller("mercy", "client", CALLER.scopes)
    with pytest.raises(Refused, match="not-your-issuer"):
        admit_statement(ENTRY, stranger, desk.registry, desk.log, desk.clock())


class TestBulk:
    def test_items_are_numbered_from_zero(self) -> None:
        desk = Desk()
        job = desk.submit_bulk([b"\xf5", registered(1), b"\x01", registered(2)])
        status = job_status(desk.log, job)
        assert (status["items"], status["accepted"], status["rejected_count"]) == (4, 2, 2)
        assert [each["item"] for each in status["rejected"]] == [0, 2]

    def test_the_job_is_of_the_tenant_and_the_bytes(self) -> None:
        desk = Desk()
        job = desk.submit_bulk([registered(1)])
        assert job.id == sha256(b"cambrian\x00" + registered(1)).hex()
        assert (job.tenant, job.state) == ("cambrian", "integrating")
        assert bulk_id("mercy", registered(1)) != job.id

    def test_a_second_register_of_a_lineage_in_one_bulk_is_rejected(self) -> None:
        desk = Desk()
        job = desk.submit_bulk([registered(1), registered(2, sub=1), registered(1)])
        status = job_status(desk.log, job)
        assert [(r["item"], r["type"]) for r in status["rejected"]] == [(1, "sub-not-new")]

    def test_a_rejected_register_does_not_claim_its_lineage(self) -> None:
        desk = Desk()
        job = desk.submit_bulk([with_byte(registered(1), -1, 1), registered(2, sub=1)])
        assert job.accepted == 1

    def test_nothing_accepted_is_a_job_that_is_done(self) -> None:
        desk = Desk()
        job = desk.submit_bulk([b"\xf5"])
        assert job_status(desk.log, job)["state"] == "done"
        assert desk.log.pending.take(1) == []

    def test_an_empty_body_is_a_job_of_no_items(self) -> None:
        desk = Desk()
        status = job_status(desk.log, desk.submit_bulk([]))
        assert (status["state"], status["items"]) == ("done", 0)

    def test_too_many_bytes(self) -> None:
        desk = Desk()
        before = state(desk)
        with pytest.raises(Refused, match=f"too-many-bytes: at most {BULK_BYTES}"):
            desk.submit_bulk([bytes(BULK_BYTES + 1)])
        assert state(desk) == before

    def test_too_many_items(self) -> None:
        desk = Desk()
        before = state(desk)
        with pytest.raises(Refused, match="too-many-items: at most 10000"):
            desk.submit_bulk([b"\x00"] * 10_001)
        assert state(desk) == before

    def test_a_request_that_died_midway_is_finished_by_its_repetition(self) -> None:
        """Whatever the same checks say by then: what was accepted first, holds."""
        desk = Desk()
        body = [registered(1), registered(2)]
        job = desk.submit_bulk(body)
        desk.log.jobs.rows[job.id] = Job(job.id, "cambrian", "admitting")  # type: ignore[attr-defined]
        desk.log.pending.remove([job.id])
        desk.registry.put_issuer(replace(issuer_of(UNIVERSITY, "cambrian"), keys=()))
        assert desk.submit_bulk(body) == job
        assert [each.id for each in desk.log.pending.take(9)] == [job.id]

    def test_what_was_checked_is_not_checked_again(self) -> None:
        """A queue may deliver a hundred thousand signatures twice."""
        desk = Desk()
        body = [registered(1), registered(2)]
        job = desk.submit_bulk(body)
        desk.log.jobs.rows[job.id] = Job(job.id, "cambrian", "admitting")  # type: ignore[attr-defined]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "check_statements", None)
            assert desk.submit_bulk(body) == job

    def test_of_two_requests_at_once_the_checks_of_the_first_hold(self) -> None:
        desk = Desk()
        body = [registered(1), registered(2)]
        create = desk.log.work.create

        def slow(key: str, data: bytes) -> None:
            desk.log.work.create = create  # type: ignore[method-assign]
            job = desk.submit_bulk(body)
            assert job.accepted == 2
            desk.registry.put_issuer(replace(issuer_of(UNIVERSITY, "cambrian"), keys=()))
            create(key, data)

        desk.log.work.create = slow  # type: ignore[method-assign]
        assert desk.submit_bulk(body).accepted == 2


class TestUpload:
    BODY = b"".join(registered(number) for number in range(3))

    def open(self, desk: Desk, body: bytes = BODY) -> tuple[Job, Upload]:
        return open_upload(len(body), sha256(body), CALLER, desk.log.jobs, self.uploads(desk))

    def uploads(self, desk: Desk) -> MemoryUploads:
        assert isinstance(desk.log.work, MemoryObjects)
        return MemoryUploads(desk.log.work)

    def put(self, desk: Desk, job: Job, body: bytes) -> None:
        desk.log.work.create(f"uploads/{job.id}", body)

    def admit(self, desk: Desk, job: Job) -> Job:
        return admit_upload(job.id, desk.registry, desk.log, desk.clock())

    def test_an_upload_is_permitted_for_these_bytes_alone(self) -> None:
        desk = Desk()
        job, upload = self.open(desk)
        assert job == Job(upload_id("cambrian", sha256(self.BODY)), "cambrian", "uploading")
        assert upload.url == f"memory:uploads/{job.id}"

    def test_opening_again_is_the_same_job(self) -> None:
        desk = Desk()
        assert self.open(desk) == self.open(desk)

    def test_what_was_uploaded_is_admitted_and_integrated(self) -> None:
        desk = Desk()
        job, _ = self.open(desk)
        self.put(desk, job, self.BODY)
        admitted = self.admit(desk, job)
        assert (admitted.state, admitted.items, admitted.accepted) == ("integrating", 3, 3)
        assert self.admit(desk, job) == admitted
        desk.drain()
        assert job_status(desk.log, self.admit(desk, job))["integrated"] == 3
        assert desk.log.pending.take(1) == []

    def test_once_it_is_admitted_the_upload_is_not_needed(self) -> None:
        desk = Desk()
        job, _ = self.open(desk)
        self.put(desk, job, self.BODY)
        admitted = self.admit(desk, job)
        self.uploads(desk).destroy(upload_key(job.id))
        assert self.admit(desk, job) == admitted
        desk.drain()
        assert job_status(desk.log, self.admit(desk, job))["integrated"] == 3

    def test_an_upload_is_of_the_tenant_of_its_job(self) -> None:
        desk = Desk()
        body = signed(register(), 1, iss=HOSPITAL)
        job, _ = self.open(desk, body)
        self.put(desk, job, body)
        status = job_status(desk.log, self.admit(desk, job))
        assert [each["type"] for each in status["rejected"]] == ["not-your-issuer"]

    @pytest.mark.parametrize(
        ("announced", "found", "problem"),
        [
            (BODY, BODY + b"\x00", "digest-mismatch"),
            (b"\x00" * 100_001, b"\x00" * 100_001, "too-many-items"),
        ],
        ids=["other-bytes", "too-many-items"],
    )
    def test_what_is_not_as_announced_or_too_much_fails_the_job(
        self, announced: bytes, found: bytes, problem: str
    ) -> None:
        desk = Desk()
        job, _ = self.open(desk, announced)
        self.put(desk, job, found)
        failed = self.admit(desk, job)
        assert failed.state == "failed"
        assert failed.problem.startswith(f"{problem}: ")
        assert self.admit(desk, job) == failed
        assert job_status(desk.log, failed)["problem"] == failed.problem

    def test_an_object_over_the_limit_fails_the_job(self, monkeypatch: pytest.MonkeyPatch) -> None:
        desk = Desk()
        job, _ = self.open(desk)
        self.put(desk, job, self.BODY)
        monkeypatch.setattr(module, "UPLOAD_BYTES", len(self.BODY) - 1)
        assert self.admit(desk, job).problem.startswith("too-many-bytes: ")

    def test_too_large_an_upload_is_not_opened(self) -> None:
        desk = Desk()
        with pytest.raises(Refused, match="too-many-bytes"):
            open_upload(
                UPLOAD_BYTES + 1, Hash(bytes(32)), CALLER, desk.log.jobs, self.uploads(desk)
            )
        assert desk.log.jobs.rows == {}  # type: ignore[attr-defined]

    def test_a_job_that_nobody_opened(self) -> None:
        desk = Desk()
        with pytest.raises(Refused, match="no-such-job"):
            admit_upload("0" * 64, desk.registry, desk.log, desk.clock())

    def test_a_job_without_its_object(self) -> None:
        desk = Desk()
        job, _ = self.open(desk)
        with pytest.raises(Refused, match="no-such-upload"):
            self.admit(desk, job)
