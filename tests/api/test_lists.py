"""Places in status lists, and the lists that everybody may fetch."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.api import wiring
from chalicelib.bootstrap import publisher_of
from chalicelib.notary.issuers.did_web import check_control, parse_did_document
from chalicelib.notary.limits import ALLOT_ENTRIES, ASK_MS, STATUS_RENEW_MS
from chalicelib.notary.publish import publish
from chalicelib.notary.status.places import PAGE_PLACES
from chalicelib.proof.credentials.data_integrity import verify_credential
from chalicelib.proof.credentials.jose import parse_jws
from chalicelib.proof.credentials.status_list import (
    StatusEntry,
    entry_status,
    read_status_list,
)
from chalicelib.proof.credentials.token_status_list import (
    INVALID,
    SUSPENDED,
    VALID,
    StatusReference,
    token_status,
    verify_token_status_list,
)
from chalicelib.proof.hashes import sha256, sm3
from chalicelib.proof.payload import StatusChange, Supersede
from chalicelib.proof.statement import entry_id
from tests.api.world import (
    COLLEGE,
    HOSPITAL,
    HOSPITAL_TENANT,
    URL,
    World,
    problem_of,
)
from tests.fakes import NOTARY

ENTRIES = "/v1/status-entries"


def allot(world: World, count: Any = 1, issuer: Any = COLLEGE, **headers: str) -> Any:
    return world.post_json(ENTRIES, {"issuer": issuer, "count": count}, **world.bearer(), **headers)


def one(world: World) -> dict[str, Any]:
    [entry] = allot(world).json_body["entries"]
    return dict(entry)


def change(world: World, kind: str, target: bytes, sub: str, ahead_s: int = 0) -> bytes:
    at_s = world.clock() // 1000
    payload = StatusChange(kind, entry_id(target), "other", at_s + ahead_s)
    return world.statement(payload=payload, sub=sub, iat=at_s)


def supersede(world: World, target: bytes, sub: str) -> bytes:
    digests = sha256(b"new"), sm3(b"new")
    payload = Supersede("education/diploma", "raw", *digests, entry_id(target))
    return world.statement(payload=payload, sub=sub)


class Verifier:
    """Who fetches lists and judges by them, with the keys in the notary's DID document."""

    def __init__(self, world: World) -> None:
        self.world = world

    def get(self, url: str) -> Any:
        return self.world.get(url)

    def fetch(self, url: str) -> bytes:
        """What is served once it was asked for."""
        if self.get(url).status_code == 503:
            self.world.clock.tick(ASK_MS)
            self.world.publish()
        return bytes(self.get(url).body)

    def method(self, id_: str) -> Any:
        methods = self.world.get("/.well-known/did.json").json_body["verificationMethod"]
        [found] = [each for each in methods if each["id"] == id_]
        return found

    def token(self, entry: dict[str, Any], name: str = "") -> int:
        reference = StatusReference(entry["index"], entry["list"] + name)
        jws = parse_jws(self.fetch(reference.uri).decode())
        notary = self.world.service.notary
        assert notary is not None
        assert jws.kid == self.method(str(jws.kid))["id"]
        found = verify_token_status_list(jws, notary.signer.public)
        return token_status(reference, found, self.world.clock())

    def bits(self, entry: dict[str, Any], name: str = "") -> dict[str, bool]:
        """By purpose."""
        found = {}
        for purpose in ("revocation", "suspension"):
            url = f"{entry['list']}{name}/{purpose}"
            value = json.loads(self.fetch(url))
            notary = self.world.service.notary
            assert notary is not None
            method = self.method(value["proof"]["verificationMethod"])
            assert method["type"] == "Multikey"
            credential = verify_credential(value, notary.list_signer.public, self.world.clock())
            assert credential.issuer == NOTARY
            status = StatusEntry(purpose, entry["index"], url)
            found[purpose] = entry_status(status, read_status_list(credential))
        return found


@pytest.fixture
def published(world: World) -> World:
    world.register_notary()
    world.publish()
    return world


@pytest.fixture
def verifier(published: World) -> Verifier:
    return Verifier(published)


class TestPlaces:
    def test_each_lineage_has_a_place_of_its_own(self, world: World) -> None:
        entries = allot(world, 300).json_body["entries"] + allot(world, 2).json_body["entries"]
        assert len({each["sub"] for each in entries}) == 302
        assert len({each["index"] for each in entries}) == 302
        assert {each["list"] for each in entries} == {f"{URL}/v1/issuers/{COLLEGE}/lists/0"}
        registered = world.submit(world.statement(sub=entries[0]["sub"]), Prefer="wait=5")
        assert registered.status_code == 201

    def test_as_many_as_one_may_ask_for(self, world: World) -> None:
        answer = allot(world, ALLOT_ENTRIES)
        assert answer.status_code == 201
        assert len(answer.body) < 2_000_000

    @pytest.mark.parametrize(
        ("count", "problem"),
        [
            (0, "malformed-json"),
            (-1, "malformed-json"),
            (1.5, "malformed-json"),
            ("1", "malformed-json"),
            (True, "malformed-json"),
            (None, "malformed-json"),
            (ALLOT_ENTRIES + 1, "too-many-items"),
        ],
    )
    def test_another_count_is_refused(self, world: World, count: Any, problem: str) -> None:
        assert problem_of(allot(world, count)) == problem
        assert world.service.log.lists is not None
        assert world.service.log.lists.allotments() == []

    @pytest.mark.parametrize(
        ("issuer", "problem"),
        [
            (HOSPITAL, "not-your-issuer"),
            ("did:web:stranger.example", "unknown-issuer"),
            ("x" * 1_100, "unknown-issuer"),
            (1, "malformed-json"),
        ],
    )
    def test_another_issuer_is_refused(self, world: World, issuer: Any, problem: str) -> None:
        assert problem_of(allot(world, 1, issuer)) == problem
        assert world.service.log.lists is not None
        assert world.service.log.lists.allotments() == []

    def test_an_issuer_that_is_not_active_gets_none(self, world: World) -> None:
        known = world.registry.issuer(COLLEGE)
        assert known is not None
        world.registry.put_issuer(replace(known, status="suspended"))
        assert problem_of(allot(world)) == "issuer-not-active"

    def test_a_token_is_needed_that_may_write(self, world: World) -> None:
        body = {"issuer": COLLEGE, "count": 1}
        assert problem_of(world.post_json(ENTRIES, body)) == "missing-token"
        reader = world.bearer(scope="jobs:read")
        assert problem_of(world.post_json(ENTRIES, body, **reader)) == "insufficient-scope"

    def test_two_issuers_places_have_nothing_in_common(self, world: World) -> None:
        mine = allot(world, 100).json_body["entries"]
        theirs = world.post_json(
            ENTRIES, {"issuer": HOSPITAL, "count": 100}, **world.bearer(HOSPITAL_TENANT)
        ).json_body["entries"]
        assert {each["sub"] for each in mine}.isdisjoint(each["sub"] for each in theirs)
        assert [each["index"] for each in mine] != [each["index"] for each in theirs]
        assert theirs[0]["list"] == f"{URL}/v1/issuers/{HOSPITAL}/lists/0"


class TestLists:
    def test_a_page_without_any_change_is_all_valid(self, verifier: Verifier) -> None:
        entry = one(verifier.world)
        assert verifier.token(entry) == VALID
        assert verifier.bits(entry) == {"revocation": False, "suspension": False}

    def test_a_life(self, verifier: Verifier) -> None:
        world, entry = verifier.world, one(verifier.world)
        first, sub = world.statement(sub=entry["sub"]), entry["sub"]
        world.submit(first)
        assert verifier.token(entry) == VALID
        for kind, value in [("suspend", SUSPENDED), ("reinstate", VALID), ("revoke", INVALID)]:
            world.submit(change(world, kind, first, sub))
            world.clock.tick(1_000)
            world.publish()
            assert verifier.token(entry) == value
            assert verifier.bits(entry) == {
                "revocation": value == INVALID,
                "suspension": value == SUSPENDED,
            }

    def test_each_generation_has_a_list_of_its_own(self, verifier: Verifier) -> None:
        world, entry = verifier.world, one(verifier.world)
        first = world.statement(sub=entry["sub"])
        second = supersede(world, first, entry["sub"])
        third = supersede(world, second, entry["sub"])
        for statement in (first, second):
            world.submit(statement)
        world.publish()
        assert verifier.token(entry) == INVALID
        assert verifier.token(entry, "-1") == VALID
        world.submit(change(world, "suspend", second, entry["sub"]))
        world.clock.tick()
        world.publish()
        assert verifier.token(entry, "-1") == SUSPENDED
        world.submit(third)
        world.clock.tick()
        world.publish()
        values = [verifier.token(entry, name) for name in ("", "-1", "-2")]
        assert values == [INVALID, INVALID, VALID]
        assert verifier.bits(entry, "-1") == {"revocation": True, "suspension": False}

    def test_nobody_elses_bit_is_set(self, verifier: Verifier) -> None:
        world = verifier.world
        entries = allot(world, 50).json_body["entries"]
        first = world.statement(sub=entries[7]["sub"])
        world.submit(first)
        world.submit(change(world, "revoke", first, entries[7]["sub"]))
        world.clock.tick()
        values = [verifier.token(each) for each in entries]
        assert values == [INVALID if at == 7 else VALID for at in range(50)]

    def test_a_lineage_that_was_not_allotted_has_no_place(self, verifier: Verifier) -> None:
        world, entry = verifier.world, one(verifier.world)
        sub = world.sub()
        statement = world.statement(sub=sub)
        world.submit(statement)
        world.submit(change(world, "revoke", statement, sub))
        world.clock.tick()
        notary = world.service.notary
        assert notary is not None
        jws = parse_jws(verifier.fetch(entry["list"]).decode())
        assert not any(verify_token_status_list(jws, notary.signer.public).statuses)


class TestFreshness:
    def test_a_list_is_made_when_it_is_asked_for(self, verifier: Verifier) -> None:
        world, url = verifier.world, one(verifier.world)["list"]
        world.publish()
        refused = verifier.get(url)
        assert problem_of(refused) == "list-not-fresh"
        assert refused.headers["Retry-After"] == "60"
        assert refused.headers["Cache-Control"] == "no-store"
        world.publish()
        served = verifier.get(url)
        assert served.status_code == 200
        assert served.headers["Content-Type"] == "application/statuslist+jwt"
        assert served.headers["Cache-Control"] == "public, max-age=60"
        assert served.headers["Access-Control-Allow-Origin"] == "*"

    @pytest.mark.parametrize(
        ("age_s", "max_age"), [(0, "60"), (240, "60"), (241, "59"), (299, "1"), (300, None)]
    )
    def test_nothing_older_than_five_minutes_is_ever_seen(
        self, verifier: Verifier, age_s: int, max_age: str | None
    ) -> None:
        world, url = verifier.world, one(verifier.world)["list"]
        verifier.fetch(f"{url}/revocation")
        world.clock.tick(age_s * 1000)
        served = verifier.get(f"{url}/revocation")
        if max_age is None:
            assert problem_of(served) == "list-not-fresh"
        else:
            assert served.headers["Cache-Control"] == f"public, max-age={max_age}"
            assert served.headers["Content-Type"] == "application/vc"

    def test_one_that_is_asked_for_again_and_again_never_ends(self, verifier: Verifier) -> None:
        world, url = verifier.world, one(verifier.world)["list"]
        seen = {verifier.fetch(url)}
        for _ in range(12):
            world.clock.tick(60_000)
            served = verifier.get(url)
            assert served.status_code == 200
            seen.add(served.body)
            world.publish()
        assert len(seen) in range(3, 6)

    def test_one_that_nobody_wants_is_not_made_anew(self, verifier: Verifier) -> None:
        world, url = verifier.world, one(verifier.world)["list"]
        verifier.fetch(url)
        size = world.service.log.readable().block.size
        for _ in range(5):
            world.clock.tick(STATUS_RENEW_MS)
            world.publish()
        assert world.service.log.readable().block.size == size

    def test_a_version_is_served_once_the_log_holds_its_notice(self, idle: World) -> None:
        idle.integrate()
        idle.register_notary()
        idle.clock.tick()
        url = one(idle)["list"]
        idle.get(url)
        publisher = publisher_of(idle.service, lambda issuer, problem: None)
        assert publisher is not None
        publish(publisher)
        assert idle.get(url).status_code == 503
        idle.integrate()
        assert idle.get(url).status_code == 200


class TestStrangers:
    @pytest.mark.parametrize(
        "name",
        [
            *("1", "0-1", "0-101", "0-0", "00", "-1", "0-", "x", "0.0", "16777216", "١"),
            "9" * 2_000,
        ],
    )
    @pytest.mark.parametrize("purpose", ["", "/revocation", "/suspension"])
    def test_a_page_that_was_never_allotted_is_none(
        self, verifier: Verifier, name: str, purpose: str
    ) -> None:
        one(verifier.world)
        answer = verifier.get(f"/v1/issuers/{COLLEGE}/lists/{name}{purpose}")
        assert (answer.status_code, problem_of(answer)) == (404, "no-such-list")

    def test_nor_a_list_of_another_issuer_or_purpose(self, verifier: Verifier) -> None:
        url = one(verifier.world)["list"]
        for path in (url.replace(COLLEGE, HOSPITAL), f"{url}/message", url.replace(COLLEGE, "x")):
            assert problem_of(verifier.get(path)) == "no-such-list"
        long = verifier.get(f"/v1/issuers/{'x' * 2_000}/lists/0")
        assert problem_of(long) == "no-such-list"

    def test_what_is_not_there_is_not_asked_for(self, verifier: Verifier) -> None:
        one(verifier.world)
        for name in ("1", "0-1"):
            verifier.get(f"/v1/issuers/{COLLEGE}/lists/{name}")
        assert verifier.world.service.log.lists is not None
        assert verifier.world.service.log.lists.asked() == {}

    def test_the_second_page_begins_with_its_first_place(self, verifier: Verifier) -> None:
        lists = verifier.world.service.log.lists
        assert lists is not None
        lists.allot(COLLEGE, PAGE_PLACES, bytes(32))
        url = f"/v1/issuers/{COLLEGE}/lists/1"
        assert verifier.get(url).status_code == 404
        assert one(verifier.world)["list"] == URL + url
        assert verifier.get(url).status_code == 503

    def test_colons_of_the_id_may_be_escaped(self, verifier: Verifier) -> None:
        url = one(verifier.world)["list"]
        verifier.fetch(url)
        assert verifier.get(url.replace(COLLEGE, COLLEGE.replace(":", "%3A"))).status_code == 200


class TestDidDocument:
    def test_it_is_the_notarys_with_its_keys(self, published: World) -> None:
        notary = published.service.notary
        assert notary is not None
        answer = published.get("/.well-known/did.json")
        assert answer.headers["Content-Type"] == "application/did+json"
        found = parse_did_document(answer.body, published.clock())
        for key in (notary.signer.public, notary.list_signer.public):
            check_control(found, NOTARY, key)
        methods = answer.json_body["verificationMethod"]
        assert [each["type"] for each in methods] == ["JsonWebKey", "JsonWebKey", "Multikey"]
        assert answer.json_body["assertionMethod"] == [each["id"] for each in methods]

    def test_before_the_notary_is_registered_it_has_the_key_of_lists_alone(
        self, world: World
    ) -> None:
        methods = world.get("/.well-known/did.json").json_body["verificationMethod"]
        assert [each["type"] for each in methods] == ["JsonWebKey", "Multikey"]

    def test_a_deployment_without_a_notary_has_none(self, world: World) -> None:
        wiring.use(replace(world.service, notary=None))
        assert problem_of(world.get("/.well-known/did.json")) == "no-notary"
