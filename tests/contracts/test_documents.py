"""``Documents``, ``DataKeys`` and ``IssuerKeys``; and eight requests with one key at once."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from secrets import token_bytes
from threading import Barrier, Thread
from typing import cast

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.dynamodb_documents import DynamoDocuments
from chalicelib.adapters.kms_custody import (
    DEPLOYMENT_TAG,
    ISSUER_TAG,
    KmsDataKeys,
    KmsIssuerKeys,
)
from chalicelib.notary.admit import Caller
from chalicelib.notary.custody.bulk_issue import (
    BulkOrder,
    Result,
    issue_job,
    open_job,
    read_results,
)
from chalicelib.notary.custody.documents import (
    Desk,
    InProgress,
    Issued,
    destroy,
    find,
    issue,
    purge,
)
from chalicelib.notary.custody.records import (
    Custody,
    DataKeys,
    Held,
    Lineage,
    Record,
    Secret,
    Unreadable,
    open_record,
    tombstone,
)
from chalicelib.notary.limits import CUSTODY_LAZY_S, CUSTODY_LEASE_MS, CUSTODY_MS, TOMBSTONE_S
from chalicelib.notary.ports import Conflict, OutcomeUnknown
from chalicelib.notary.sequence import create_log, drain
from chalicelib.proof.hashes import sha256
from chalicelib.proof.keys import EDDSA, ES256
from chalicelib.proof.statement import entry_id
from tests.api.test_documents import of_claims
from tests.api.world import COLLEGE, COLLEGE_TENANT, issuer
from tests.fakes import START_MS, MemoryDataKeys, MemoryRegistry

from .cloud_log import clock_ms, open_log, statements_in
from .stores import Stores, make_places
from .wire import Wire, answer_lost, done_but_reported_failed, request_lost

RECORD = Record(
    id=sha256(b"record").hex(),
    tenant=sha256(b"tenant"),
    state="claimed",
    until_ms=START_MS + CUSTODY_MS,
    lease_ms=START_MS + CUSTODY_LEASE_MS,
    secret=b"sealed",
    wrapped=b"wrapped",
)
SIGNED = replace(
    RECORD, state="signed", entry=b"entry", entry_id=entry_id(b"entry"), iss="did:web:a.example"
)

SECRET = Secret(
    sha256(b"body"), bytes(32), bytes(range(32)), Lineage("urn:uuid:x"), 1, credential=b"c"
)


class TestDocuments:
    def test_a_record_is_written_over_the_version_that_it_has(self, stores: Stores) -> None:
        documents = stores.documents
        assert documents.get(RECORD.id) is None
        first = documents.put(RECORD)
        assert first == replace(RECORD, version=1) == documents.get(RECORD.id)
        second = documents.put(replace(SIGNED, version=1))
        assert second == replace(SIGNED, version=2) == documents.get(RECORD.id)

    @pytest.mark.parametrize("version", [0, 1, 3])
    def test_and_over_no_other(self, stores: Stores, version: int) -> None:
        held = stores.documents.put(replace(SIGNED, version=stores.documents.put(RECORD).version))
        with pytest.raises(Conflict):
            stores.documents.put(replace(RECORD, version=version))
        assert stores.documents.get(RECORD.id) == held

    def test_a_version_of_what_is_not_there_is_a_conflict(self, stores: Stores) -> None:
        with pytest.raises(Conflict):
            stores.documents.put(replace(RECORD, version=1))

    def test_what_is_kept_beyond_its_window_is_found_and_tombstones_are_not(
        self, stores: Stores
    ) -> None:
        records = [
            replace(RECORD, id=sha256(bytes([n])).hex(), until_ms=START_MS + n) for n in range(4)
        ]
        for each in records:
            stores.documents.put(each)
        stores.documents.put(tombstone(replace(records[0], version=1)))
        ids = [each.id for each in records]
        assert stores.documents.expired(START_MS + 2, 10) == ids[1:3]
        assert stores.documents.expired(START_MS + 2, 1) == ids[1:2]
        assert stores.documents.expired(START_MS, 10) == []

    def test_a_tombstone_holds_nothing_secret(self, stores: Stores) -> None:
        held = stores.documents.put(SIGNED)
        gone = stores.documents.put(tombstone(held))
        assert (gone.state, gone.entry, gone.secret, gone.wrapped) == ("gone", b"", b"", b"")
        assert (gone.entry_id, gone.iss) == (SIGNED.entry_id, SIGNED.iss)
        assert gone.tenant == SIGNED.tenant


def items_of(clients: Clients, stores: Stores) -> list[dict[str, object]]:
    table = stores.documents._table  # type: ignore[attr-defined]
    return [dict(item) for item in clients.dynamodb.scan(TableName=table)["Items"]]


def test_dynamodb_deletes_what_no_sweep_has_purged_and_tombstones_much_later(
    local_clients: Clients, local_cloud_stores: Stores
) -> None:
    documents = local_cloud_stores.documents
    until_s = RECORD.until_ms // 1_000
    held = documents.put(SIGNED)
    [item] = items_of(local_clients, local_cloud_stores)
    assert item["expires_s"] == {"N": str(until_s + CUSTODY_LAZY_S)}
    documents.put(tombstone(held))
    [item] = items_of(local_clients, local_cloud_stores)
    assert item["expires_s"] == {"N": str(until_s + TOMBSTONE_S)}
    assert item.keys().isdisjoint({"secret", "wrapped", "entry", "kept"})


def test_a_put_in_doubt_is_told(wired: tuple[Stores, Wire]) -> None:
    stores, wire = wired
    wire.meet("PutItem", *[request_lost] * 5)
    with pytest.raises(OutcomeUnknown):
        stores.documents.put(RECORD)


@pytest.mark.parametrize("fault", [answer_lost, done_but_reported_failed])
def test_a_put_that_botocore_repeats_is_no_conflict_with_itself(
    wired: tuple[Stores, Wire], fault: object
) -> None:
    stores, wire = wired
    wire.meet("PutItem", fault)  # type: ignore[arg-type]
    assert stores.documents.put(RECORD) == replace(RECORD, version=1)


@pytest.fixture(params=["fake", "moto", "local_cloud"])
def data_keys(request: pytest.FixtureRequest) -> DataKeys:
    if request.param == "fake":
        return MemoryDataKeys()
    name = {"moto": "moto_clients", "local_cloud": "local_clients"}[request.param]
    clients: Clients = request.getfixturevalue(name)
    return KmsDataKeys(clients, clients.kms.create_key()["KeyMetadata"]["KeyId"])


class TestDataKeys:
    def test_each_is_new_and_unwraps_in_its_context_alone(self, data_keys: DataKeys) -> None:
        context = {"tenant": "t", "document": "d"}
        key, wrapped = data_keys.new(context)
        assert len(key) == 32
        assert key not in wrapped
        assert data_keys.unwrap(wrapped, context) == key
        assert data_keys.new(context)[0] != key
        for other in ({**context, "document": "other"}, {"tenant": "t"}, {}):
            with pytest.raises(Unreadable):
                data_keys.unwrap(wrapped, other)

    @pytest.mark.parametrize("changed", ["wrapped", "secret", "id", "tenant"])
    def test_a_record_that_was_changed_does_not_open(
        self, data_keys: DataKeys, changed: str
    ) -> None:
        key, wrapped = data_keys.new(RECORD.context)
        held = Held(replace(RECORD, wrapped=wrapped), SECRET, key)
        record = held.sealed(token_bytes)
        assert open_record(record, data_keys).secret == SECRET
        value = getattr(record, changed)
        if changed == "id":
            other = replace(record, id=sha256(b"other").hex())
        else:
            flipped = value[:-1] + bytes([value[-1] ^ 1])
            other = replace(record, **{changed: type(value)(flipped)})
        with pytest.raises(Unreadable):
            open_record(other, data_keys)

    def test_another_failure_stays_what_it_is(
        self, local_clients: Clients, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(ClientError, match="NotFound"):
            KmsDataKeys(local_clients, "0" * 8).unwrap(b"wrapped", {})


@pytest.mark.parametrize("alg", [EDDSA, ES256])
@pytest.mark.parametrize("iss", [COLLEGE, "did:web:example" + ":department" * 30])
def test_an_issuers_key_is_tagged_and_described_for_it(
    local_clients: Clients, alg: int, iss: str
) -> None:
    keys = KmsIssuerKeys(local_clients, "tally-documents")
    made = keys.make(iss, alg, START_MS)
    assert (made.key.alg, made.from_ms, made.arn[:12]) == (alg, START_MS, "arn:aws:kms:")
    made.key.verify(keys.signer(made).sign(b"message"), b"message")
    described = local_clients.kms.describe_key(KeyId=made.arn)["KeyMetadata"]["Description"]
    assert iss in described
    tags = local_clients.kms.list_resource_tags(KeyId=made.arn)["Tags"]
    found = {each["TagKey"]: each["TagValue"] for each in tags}
    assert found == {DEPLOYMENT_TAG: "tally-documents", ISSUER_TAG: iss[:256]}


@pytest.fixture
def desk(local_clients: Clients) -> Desk:
    """A whole deployment for one college, on the local cloud."""
    places = make_places(local_clients)
    log = open_log(local_clients, places)
    create_log(log)
    documents = DynamoDocuments(local_clients, places.documents)
    wrapping = local_clients.kms.create_key()["KeyMetadata"]["KeyId"]
    issuer_keys = KmsIssuerKeys(local_clients, places.documents)
    custody = Custody(documents, KmsDataKeys(local_clients, wrapping), issuer_keys, "https://t")
    held = issuer_keys.make(COLLEGE, ES256, 0)
    registry = MemoryRegistry(replace(issuer(COLLEGE, COLLEGE_TENANT), keys=(held,)))
    return Desk(custody, registry, log, Caller(COLLEGE_TENANT, "", frozenset()), clock_ms())


BODY = json.dumps(of_claims()).encode()


def race(desk: Desk, threads: int) -> list[Issued | InProgress]:
    outcomes: list[Issued | InProgress] = []
    start = Barrier(threads)

    def ask() -> None:
        start.wait()
        try:
            outcomes.append(issue(desk, "one key", BODY))
        except InProgress as error:
            outcomes.append(error)

    running = [Thread(target=ask) for _ in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    return outcomes


def test_eight_requests_with_one_key_at_once_are_one_entry(desk: Desk) -> None:
    for round_ in range(4):
        outcomes = race(desk, 8)
        assert len(outcomes) == 8, "any other exception ends a thread"
        answers = {each for each in outcomes if isinstance(each, Issued)}
        assert len(answers) <= 1
        assert answers or round_ == 0
    drain(desk.log, clock_ms)
    answer = issue(desk, "one key", BODY)
    assert answers == {answer}
    assert find(desk, answer.id) == answer
    assert statements_in(desk.log) == Counter([answer.signed.entry])


def test_eight_that_take_over_what_was_left_are_one_entry(desk: Desk) -> None:
    """Whoever held it before is slow, and comes back in the middle of it."""
    later = replace(desk, now_ms=desk.now_ms + CUSTODY_LEASE_MS)
    inner = desk.custody.issuer_keys
    races: list[Issued | InProgress] = []

    class Slow:
        def make(self, iss: str, alg: int, from_ms: int) -> object:
            raise AssertionError

        def signer(self, key: object) -> object:
            races.extend(race(later, 8))
            return inner.signer(key)  # type: ignore[arg-type]

    slow = replace(desk, custody=replace(desk.custody, issuer_keys=Slow()))  # type: ignore[arg-type]
    with pytest.raises(InProgress):
        issue(slow, "one key", BODY)
    drain(desk.log, clock_ms)
    answer = issue(later, "one key", BODY)
    assert {each for each in races if isinstance(each, Issued)} <= {answer}
    assert statements_in(desk.log) == Counter([answer.signed.entry])


ROWS = 250


def test_four_workers_on_one_roster_at_once_issue_each_row_once(desk: Desk) -> None:
    """P-256 signs otherwise each time, so what one of them signed in vain would be seen."""
    claims = cast("dict[str, object]", of_claims()["claims"])
    rows = [{"claims": {**claims, "student_number": f"S{n}"}} for n in range(ROWS)]
    data = b"\n".join(json.dumps(row).encode() for row in rows)
    order = BulkOrder(COLLEGE, "education/diploma", "sd-jwt-vc", "ndjson", data)
    id_ = open_job(desk, "roster", order).id
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: issue_job(desk, id_), range(4)))
    assert {(job.items, job.accepted) for job in done} == {(ROWS, ROWS)}
    drain(desk.log, clock_ms)
    first: int | None = 0
    results: list[Result] = []
    while first is not None:
        page, first = read_results(desk, id_, first)
        results += page
    assert [each.item for each in results] == list(range(ROWS))
    assert statements_in(desk.log) == Counter(each.row.entry for each in results)
    assert all(each.receipt is not None for each in results)


def test_what_is_purged_or_destroyed_is_nowhere_in_the_table(
    desk: Desk, local_clients: Clients
) -> None:
    documents = desk.custody.documents
    assert isinstance(documents, DynamoDocuments)
    purged, destroyed = issue(desk, "one", BODY), issue(desk, "other", BODY)
    assert destroy(documents, "stranger", destroyed.id) is None
    left = destroy(documents, COLLEGE_TENANT, destroyed.id)
    assert left is not None
    assert left.entry_id == destroyed.signed.entry_id
    assert purge(documents, desk.now_ms + CUSTODY_MS) == 1
    items = local_clients.dynamodb.scan(TableName=documents._table)["Items"]
    assert {item["id"]["S"] for item in items} == {purged.id, destroyed.id}
    names = {"id", "tenant", "state", "until_ms", "lease_ms", "version", "expires_s"}
    names |= {"entry_id", "iss"}
    assert all(item.keys() == names for item in items)
    assert purge(documents, desk.now_ms + CUSTODY_MS) == 0
