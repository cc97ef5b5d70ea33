"""The verdict: what passes, what fails, and what nobody can tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.proof.block import GENESIS
from chalicelib.proof.entry_status import Change, EntryStatus, format_entry_status
from chalicelib.proof.hashes import Hash, sha256
from chalicelib.proof.heads import Heads
from chalicelib.proof.issuer_profile import IssuerProfile, ProfileKey, format_profile
from chalicelib.proof.payload import IssuerNotice, StatusChange, StatusListNotice
from chalicelib.proof.policy import Policy
from chalicelib.proof.receipt import Attestation, Evidence, Receipt
from chalicelib.proof.verdict import Verdict
from chalicelib.proof.verify import verify

from . import outside
from .world import (
    AT_MS,
    DOCUMENT,
    ISSUER,
    ISSUER_KEY,
    NOTARY,
    NOTARY_KEY,
    ORIGIN,
    REGISTERED_MS,
    STRANGER,
    World,
    cosigned,
    log_vkey,
    policy,
    policy_value,
    some_hash,
    witnessed_tlog,
)


def judge(receipt: Receipt, **more: Any) -> Verdict:
    trusted: Policy = more.pop("policy", None) or policy()
    return verify(more.pop("document", DOCUMENT), receipt, trusted, more.pop("at_ms", AT_MS))


def results(verdict: Verdict) -> dict[str, str]:
    return {check.name: check.result for check in verdict.checks}


def test_a_good_document_with_its_receipt_is_valid() -> None:
    verdict = judge(World().receipt())
    assert verdict.outcome == "valid"
    assert results(verdict) == {
        "document": "pass",
        "inclusion": "pass",
        "log": "pass",
        "block": "pass",
        "witnesses": "unknown",
        "issuer": "pass",
        "status": "unknown",
        "expiry": "pass",
    }


def test_the_facts_name_the_registry_s_issuer_and_the_block() -> None:
    facts = judge(World().receipt()).facts
    assert facts["issuer"] == {
        "id": ISSUER,
        "names": {"en": f"The {ISSUER}", "zh": "寒武纪大学"},
    }
    assert facts["registered"] == {
        "origin": "tally.test/log",
        "index": 5,
        "height": 7,
        "timestamp_ms": REGISTERED_MS,
    }


def test_a_receipt_that_fails_tells_no_facts_that_it_did_not_establish() -> None:
    facts = judge(World(issuer_key=STRANGER).receipt(), policy=policy(tlog="quorum none\n")).facts
    assert set(facts) == {"entry_id"}


class TestDocument:
    def test_another_document_is_invalid(self) -> None:
        verdict = judge(World().receipt(), document=b'{"name":"Somebody Else"}')
        assert (verdict.outcome, results(verdict)["document"]) == ("invalid", "fail")

    def test_a_document_that_cannot_be_canonicalised_is_not_the_registered_one(self) -> None:
        verdict = judge(World().receipt(), document=b'{"a":1,"a":2}')
        assert (verdict.outcome, results(verdict)["document"]) == ("invalid", "fail")

    def test_another_layout_of_the_same_json_is_the_same_document(self) -> None:
        spaced = DOCUMENT.replace(b'":', b'" : ')
        assert judge(World().receipt(), document=spaced).outcome == "valid"

    def test_raw_documents_are_bound_to_the_byte(self) -> None:
        world = World(canonicalization="raw")
        assert judge(world.receipt()).outcome == "valid"
        assert judge(world.receipt(), document=DOCUMENT + b"\n").outcome == "invalid"

    def test_without_the_holder_s_part_nobody_can_tell(self) -> None:
        verdict = judge(World().receipt(holder=False))
        assert (verdict.outcome, results(verdict)["document"]) == ("cannot tell", "unknown")

    def test_without_the_document_nobody_can_tell(self) -> None:
        verdict = verify(None, World().receipt(), policy(), AT_MS)
        assert (verdict.outcome, results(verdict)["document"]) == ("cannot tell", "unknown")

    @pytest.mark.parametrize(
        "change",
        [
            {"salt": bytes(32)},
            {"sha256": some_hash("other")},
            {"sm3": some_hash("other")},
            {"canonicalization": "raw"},
        ],
    )
    def test_a_changed_holder_s_part_is_invalid(self, change: dict[str, Any]) -> None:
        receipt = World().receipt()
        assert receipt.document is not None
        verdict = judge(replace(receipt, document=receipt.document._replace(**change)))
        assert (verdict.outcome, results(verdict)["document"]) == ("invalid", "fail")

    def test_a_statement_about_a_statement_binds_no_document(self) -> None:
        revoked = StatusChange("revoke", some_hash("target"), "other", 1_790_000_000)
        with_part = judge(World(payload=revoked).receipt())
        assert (with_part.outcome, results(with_part)["document"]) == ("invalid", "fail")
        verdict = judge(World(payload=revoked).receipt(holder=False))
        assert (verdict.outcome, results(verdict)["document"]) == ("cannot tell", "unknown")


class TestLog:
    def test_an_entry_that_is_not_at_that_index_is_invalid(self) -> None:
        inclusion = World().inclusion()
        moved = replace(inclusion, proof=replace(inclusion.proof, index=4))
        verdict = judge(replace(World().receipt(), registered=moved))
        assert (verdict.outcome, results(verdict)["inclusion"]) == ("invalid", "fail")

    def test_a_receipt_moved_to_another_document_is_invalid(self) -> None:
        other = World(document=b'{"name":"other"}').receipt()
        verdict = judge(replace(other, registered=World().inclusion()))
        assert results(verdict)["document"] == results(verdict)["inclusion"] == "fail"

    def test_a_log_that_the_policy_does_not_know_is_unknown(self) -> None:
        verdict = judge(World().receipt(), policy=policy(tlog="quorum none\n"))
        assert verdict.outcome == "cannot tell"
        assert {results(verdict)[name] for name in ("log", "block", "issuer")} == {"unknown"}

    def test_a_checkpoint_without_the_log_s_line_is_unknown(self) -> None:
        inclusion = cosigned(World().inclusion())
        note = inclusion.proof.checkpoint_note
        bare = note._replace(signatures=note.signatures[1:])
        proof = replace(inclusion.proof, checkpoint_note=bare)
        receipt = replace(World().receipt(), registered=replace(inclusion, proof=proof))
        verdict = judge(receipt)
        assert (verdict.outcome, results(verdict)["log"]) == ("cannot tell", "unknown")

    def test_a_wrong_signature_of_the_log_is_invalid(self) -> None:
        inclusion = World().inclusion()
        note = inclusion.proof.checkpoint_note
        line = note.signatures[0]._replace(signature=bytes(64))
        proof = replace(inclusion.proof, checkpoint_note=note._replace(signatures=(line,)))
        verdict = judge(replace(World().receipt(), registered=replace(inclusion, proof=proof)))
        assert (verdict.outcome, results(verdict)["log"]) == ("invalid", "fail")

    @pytest.mark.parametrize(
        "change",
        [{"height": 8}, {"previous": some_hash("x")}, {"timestamp_ms": REGISTERED_MS - 1}],
    )
    def test_a_changed_block_is_invalid(self, change: dict[str, Any]) -> None:
        inclusion = World().inclusion()
        changed = replace(inclusion, block=inclusion.block._replace(**change))
        verdict = judge(replace(World().receipt(), registered=changed))
        assert (verdict.outcome, results(verdict)["block"]) == ("invalid", "fail")

    def test_an_older_key_of_the_same_log_still_verifies_its_blocks(self) -> None:
        from chalicelib.proof.note import ed25519_vkey, format_vkey

        older = format_vkey(log_vkey())
        newer = format_vkey(ed25519_vkey(log_vkey().name, STRANGER.public.x))
        for first, second in ((older, newer), (newer, older)):
            tlog = f"log {first}\nlog {second}\nquorum none\n"
            assert judge(World().receipt(), policy=policy(tlog=tlog)).outcome == "valid"


class TestAttested:
    def test_a_later_block_is_checked_too(self) -> None:
        assert judge(World().receipt(grown=2)).outcome == "valid"

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda late, first: first,
            lambda late, first: replace(late, block=late.block._replace(timestamp_ms=1)),
            lambda late, first: replace(late, block=late.block._replace(height=first.block.height)),
            lambda late, first: replace(late, proof=replace(late.proof, index=2)),
            lambda late, first: World(before=6).inclusion(grown=2),
        ],
    )
    def test_what_is_no_later_block_of_the_same_entry_is_invalid(
        self, spoil: Callable[..., Any]
    ) -> None:
        receipt = World().receipt(grown=2)
        spoiled = replace(receipt, attested=spoil(receipt.attested, receipt.registered))
        verdict = judge(spoiled)
        assert (verdict.outcome, results(verdict)["inclusion"]) == ("invalid", "fail")

    def test_two_histories_contradict_each_other(self) -> None:
        receipt = World().receipt()
        forked = World(seed=b"another").inclusion(grown=2)
        verdict = judge(replace(receipt, attested=forked))
        assert (verdict.outcome, results(verdict)["inclusion"]) == ("invalid", "fail")
        (detail,) = [check.detail for check in verdict.checks if check.name == "inclusion"]
        assert "two histories" in detail

    def test_another_entry_s_place_is_not_ours(self) -> None:
        elsewhere = World(before=4, document=DOCUMENT).inclusion(grown=2)
        verdict = judge(replace(World().receipt(), attested=elsewhere))
        assert (verdict.outcome, results(verdict)["inclusion"]) == ("invalid", "fail")


class TestWitnesses:
    def judge(self, inclusion: Any, **more: Any) -> Verdict:
        return judge(replace(World().receipt(), registered=inclusion, **more), policy=self.policy)

    policy = policy(tlog=witnessed_tlog(), require=["witnesses"])

    def test_a_quorum_passes(self) -> None:
        verdict = self.judge(cosigned(World().inclusion()))
        assert (verdict.outcome, results(verdict)["witnesses"]) == ("valid", "pass")

    def test_no_cosignature_is_unknown(self) -> None:
        verdict = self.judge(World().inclusion())
        assert (verdict.outcome, results(verdict)["witnesses"]) == ("cannot tell", "unknown")

    def test_too_few_are_unknown(self) -> None:
        from chalicelib.proof.note import cosignature_vkey, format_vkey

        other = format_vkey(cosignature_vkey("other.example", STRANGER.public.x))
        tlog = witnessed_tlog().replace("quorum W", f"witness V {other}\ngroup G all W V\nquorum G")
        receipt = replace(World().receipt(), registered=cosigned(World().inclusion()))
        verdict = judge(receipt, policy=policy(tlog=tlog, require=["witnesses"]))
        assert (verdict.outcome, results(verdict)["witnesses"]) == ("cannot tell", "unknown")

    def test_a_bad_line_of_a_known_witness_is_invalid(self) -> None:
        verdict = self.judge(cosigned(World().inclusion(), spoil=True))
        assert (verdict.outcome, results(verdict)["witnesses"]) == ("invalid", "fail")

    def test_a_bad_line_is_invalid_even_where_no_quorum_is_asked_for(self) -> None:
        tlog = witnessed_tlog().replace("quorum W", "quorum none")
        receipt = replace(World().receipt(), registered=cosigned(World().inclusion(), spoil=True))
        assert judge(receipt, policy=policy(tlog=tlog)).outcome == "invalid"
        good = replace(World().receipt(), registered=cosigned(World().inclusion()))
        verdict = judge(good, policy=policy(tlog=tlog))
        assert (verdict.outcome, results(verdict)["witnesses"]) == ("valid", "unknown")

    def test_a_stranger_s_line_proves_nothing_and_harms_nothing(self) -> None:
        receipt = replace(World().receipt(), registered=cosigned(World().inclusion(), spoil=True))
        assert judge(receipt).outcome == "valid"

    def test_a_quorum_on_the_later_checkpoint_counts(self) -> None:
        verdict = self.judge(World().inclusion(), attested=cosigned(World().inclusion(grown=2)))
        assert (verdict.outcome, results(verdict)["witnesses"]) == ("valid", "pass")


class TestIssuer:
    def test_an_unknown_issuer_is_unknown(self) -> None:
        verdict = judge(World(iss="did:web:stranger.example").receipt())
        assert (verdict.outcome, results(verdict)["issuer"]) == ("cannot tell", "unknown")

    def test_an_unknown_key_is_unknown(self) -> None:
        verdict = judge(World(issuer_key=STRANGER).receipt())
        assert (verdict.outcome, results(verdict)["issuer"]) == ("cannot tell", "unknown")

    @pytest.mark.parametrize(
        ("times", "result"),
        [
            ({"from_ms": REGISTERED_MS}, "pass"),
            ({"from_ms": REGISTERED_MS + 1}, "fail"),
            ({"from_ms": 0, "to_ms": REGISTERED_MS + 1}, "pass"),
            ({"from_ms": 0, "to_ms": REGISTERED_MS}, "fail"),
            ({"from_ms": 0, "compromised_ms": REGISTERED_MS + 1}, "pass"),
            ({"from_ms": 0, "compromised_ms": REGISTERED_MS}, "fail"),
        ],
    )
    def test_a_key_is_judged_by_the_time_of_the_registered_block(
        self, times: dict[str, int], result: str
    ) -> None:
        value = policy_value()["issuers"]
        value[0]["keys"][0].update(times)
        verdict = judge(World().receipt(), policy=policy(issuers=value))
        assert results(verdict)["issuer"] == result

    def test_a_wrong_signature_is_invalid(self) -> None:
        world = World()
        world.__dict__["entry"] = world.entry[:-64] + bytes(64)
        verdict = judge(world.receipt())
        assert (verdict.outcome, results(verdict)["issuer"]) == ("invalid", "fail")
        assert results(verdict)["inclusion"] == "pass"


class TestEvidence:
    profile = b'{"id":"did:web:cambrian.example"}'

    def notice(self, **more: Any) -> World:
        subject = more.pop("about", ISSUER)
        digest = more.pop("digest", sha256(self.profile))
        payload = more.pop("payload", IssuerNotice(subject, digest))
        return World(
            document=self.profile,
            payload=payload,
            iss=more.pop("iss", NOTARY),
            issuer_key=more.pop("key", NOTARY_KEY),
        )

    def judge(self, notice: World, **more: Any) -> Verdict:
        return judge(replace(World().receipt(), issuer=notice.evidence()), **more)

    def test_a_notary_s_notice_about_the_issuer_is_good(self) -> None:
        assert self.judge(self.notice()).outcome == "valid"

    @pytest.mark.parametrize(
        "change",
        [
            {"about": "did:web:other.example"},
            {"digest": some_hash("other")},
            {"iss": ISSUER, "key": ISSUER_KEY},
            {"payload": StatusChange("revoke", some_hash("x"), "other", 1)},
            {"payload": StatusListNotice("https://notary.example/list", sha256(profile))},
        ],
    )
    def test_a_notice_that_says_something_else_is_invalid(self, change: dict[str, Any]) -> None:
        verdict = self.judge(self.notice(**change))
        assert (verdict.outcome, results(verdict)["issuer"]) == ("invalid", "fail")

    def test_a_notice_that_is_not_in_the_log_is_invalid(self) -> None:
        notice = self.notice().evidence()
        elsewhere = replace(notice, registered=World().inclusion())
        verdict = judge(replace(World().receipt(), issuer=elsewhere))
        assert (verdict.outcome, results(verdict)["issuer"]) == ("invalid", "fail")

    def test_a_notice_under_a_false_block_is_invalid(self) -> None:
        notice = self.notice().evidence()
        false = replace(notice.registered, signature=bytes(64))
        verdict = judge(replace(World().receipt(), issuer=replace(notice, registered=false)))
        assert (verdict.outcome, results(verdict)["issuer"]) == ("invalid", "fail")

    def test_a_notary_that_the_policy_does_not_know_proves_nothing(self) -> None:
        verdict = self.judge(self.notice(iss="did:web:stranger.example"))
        assert verdict.outcome == "valid"
        (detail,) = [check.detail for check in verdict.checks if check.name == "issuer"]
        assert "proves nothing" in detail

    def test_a_notice_without_the_log_s_line_proves_nothing(self) -> None:
        notice = self.notice().evidence()
        bare = cosigned(notice.registered)
        note = bare.proof.checkpoint_note
        proof = replace(bare.proof, checkpoint_note=note._replace(signatures=note.signatures[1:]))
        verdict = judge(
            replace(
                World().receipt(), issuer=replace(notice, registered=replace(bare, proof=proof))
            )
        )
        assert (verdict.outcome, results(verdict)["issuer"]) == ("valid", "pass")

    def registered(self, document: bytes, payload: Any) -> Evidence:
        """A document of the notary that is registered soon after the credential."""
        return World(
            document=document,
            payload=payload,
            iss=NOTARY,
            issuer_key=NOTARY_KEY,
            timestamp_ms=REGISTERED_MS + 60_000,
        ).evidence()

    def issuer(self, **different: Any) -> Verdict:
        keys = (ProfileKey(ISSUER_KEY.public, 0, None, None),)
        names = {"en": "Cambrian University", "zh": "寒武纪大学"}
        usual = IssuerProfile(ISSUER, names, "active", (), keys)
        document = format_profile(replace(usual, **different))
        evidence = self.registered(document, IssuerNotice(ISSUER, sha256(document)))
        return judge(replace(World().receipt(), issuer=evidence))

    def test_a_profile_tells_the_registry_s_name(self) -> None:
        verdict = self.issuer()
        (detail,) = [check.detail for check in verdict.checks if check.name == "issuer"]
        assert "Cambrian University (寒武纪大学)" in detail

    def test_a_profile_of_another_issuer_is_invalid(self) -> None:
        verdict = self.issuer(id="did:web:other.example")
        assert (verdict.outcome, results(verdict)["issuer"]) == ("invalid", "fail")

    def status(self, *changes: Change, at_ms: int = REGISTERED_MS + 60_000) -> Verdict:
        receipt = World().receipt()
        listed = EntryStatus(ORIGIN, ISSUER, "", 9, REGISTERED_MS + 60_000, changes)
        document = format_entry_status(listed)
        notice = StatusListNotice("https://notary.example/list", sha256(document))
        evidence = self.registered(document, notice)
        return judge(replace(receipt, status=evidence), at_ms=at_ms)

    def revoked(self) -> Change:
        entry, effective = World().receipt().statement.entry_id, REGISTERED_MS // 1_000 + 30
        return Change(entry, "revoke", effective, "misconduct", some_hash("the revocation"))

    def test_a_status_list_says_what_was_good_and_when(self) -> None:
        assert results(self.status())["status"] == "pass"
        assert results(self.status(at_ms=AT_MS))["status"] == "unknown"

    def test_a_revocation_counts_from_its_time_on(self) -> None:
        before = self.status(self.revoked(), at_ms=REGISTERED_MS + 1_000)
        assert (before.outcome, results(before)["status"]) == ("valid", "pass")
        after = self.status(self.revoked(), at_ms=AT_MS)
        assert (after.outcome, results(after)["status"]) == ("invalid", "fail")

    def test_a_status_list_that_cannot_be_read_proves_nothing(self) -> None:
        listed = self.notice(
            payload=StatusListNotice("https://notary.example/list", sha256(self.profile))
        )
        verdict = judge(replace(World().receipt(), status=listed.evidence()))
        assert (verdict.outcome, results(verdict)["status"]) == ("valid", "unknown")

    def test_a_status_that_is_no_list_is_invalid(self) -> None:
        verdict = judge(replace(World().receipt(), status=self.notice().evidence()))
        assert (verdict.outcome, results(verdict)["status"]) == ("invalid", "fail")


class TestExpiry:
    @pytest.mark.parametrize(
        ("document", "result"),
        [
            (b'{"validUntil":"2030-01-01T00:00:00Z"}', "pass"),
            (b'{"expirationDate":"2030-01-01T00:00:00Z"}', "pass"),
            (b'{"validUntil":"2020-01-01T00:00:00Z"}', "fail"),
            (b'{"validUntil":"one day"}', "unknown"),
            (b'{"validUntil":"2020-01-01"}', "unknown"),
            (b'{"validUntil":null,"expirationDate":"2020-01-01T00:00:00Z"}', "fail"),
            (
                b'{"validUntil":"2030-01-01T00:00:00Z","expirationDate":"2020-01-01T00:00:00Z"}',
                "fail",
            ),
            (b'{"validUntil":7}', "unknown"),
            (b'{"name":"x"}', "unknown"),
            (b"[]", "unknown"),
        ],
    )
    def test_the_document_s_own_end_is_kept(self, document: bytes, result: str) -> None:
        receipt = World(document=document).receipt()
        assert results(judge(receipt, document=document))["expiry"] == result

    def test_it_is_the_given_time_that_counts(self) -> None:
        document = b'{"validUntil":"2030-01-01T00:00:00Z"}'
        end_ms = 1_893_456_000_000
        receipt = World(document=document).receipt()
        assert judge(receipt, document=document, at_ms=end_ms - 1).outcome == "valid"
        assert judge(receipt, document=document, at_ms=end_ms).outcome == "invalid"

    def test_raw_bytes_state_no_expiry(self) -> None:
        assert results(judge(World(canonicalization="raw").receipt()))["expiry"] == "unknown"


class TestChain:
    """What a receipt shows of the hash chain is held against itself."""

    def result(self, receipt: Receipt) -> str:
        return results(judge(receipt))["inclusion"]

    def of_first(self, **block: Any) -> Receipt:
        """With another first block, whatever it is signed by."""
        receipt = World().receipt()
        changed = receipt.registered.block._replace(**block)
        return replace(receipt, registered=replace(receipt.registered, block=changed))

    def adjacent(self, previous: Hash) -> Receipt:
        receipt = World().receipt(grown=1)
        assert receipt.attested is not None
        block = receipt.attested.block._replace(previous=previous)
        return replace(receipt, attested=replace(receipt.attested, block=block))

    @pytest.mark.parametrize("height", [0, World().inclusion().block.size])
    def test_a_block_that_no_log_has(self, height: int) -> None:
        assert self.result(self.of_first(height=height)) == "fail"

    def test_a_statement_where_the_first_link_is(self) -> None:
        assert self.result(World(before=0, after=9).receipt()) == "fail"

    def test_the_first_block_continues_the_empty_log(self) -> None:
        assert self.result(self.of_first(height=1)) == "fail"
        assert self.result(self.of_first(height=1, previous=GENESIS(ORIGIN).hash)) == "pass"

    def test_the_next_block_names_the_one_before(self) -> None:
        first = World().inclusion().block.hash
        assert self.result(self.adjacent(first)) == "pass"
        assert self.result(self.adjacent(some_hash("another history"))) == "fail"

    def test_every_block_adds_its_link(self) -> None:
        receipt = World().receipt(grown=3)
        assert receipt.attested is not None
        assert self.result(receipt) == "pass"
        block = receipt.attested.block._replace(height=World().height + 4)
        changed = replace(receipt, attested=replace(receipt.attested, block=block))
        assert self.result(changed) == "fail"

    def test_no_key_is_judged_by_a_block_that_does_not_hold_the_entry(self) -> None:
        verdict = judge(self.of_first(height=0))
        assert results(verdict)["issuer"] == "unknown"
        assert "issuer" not in verdict.facts


class TestAttestations:
    """How evidence becomes checks; tests/proof/test_attestations.py looks closer."""

    strange = Attestation("carrier-pigeon", {"feather": "grey"})

    def receipt(self, *more: Attestation) -> Receipt:
        block_hash = World().inclusion().block.hash
        attestations = (outside.evm(block_hash), self.strange, *more)
        registered = World().inclusion(attestations=attestations)
        return replace(World().receipt(), registered=registered)

    def trust(self) -> dict[str, Any]:
        return outside.trust(World().inclusion().block.hash)

    def test_evidence_that_cannot_be_checked_is_reported_and_proves_nothing(self) -> None:
        verdict = judge(self.receipt())
        assert verdict.outcome == "valid"
        assert results(verdict)[outside.EVM_CHECK] == "unknown"
        assert results(verdict)["attestation:carrier-pigeon"] == "unknown"
        assert "attested" not in verdict.facts

    def test_evidence_that_holds_passes_and_tells_when(self) -> None:
        verdict = judge(self.receipt(), policy=policy(**self.trust()))
        assert results(verdict)[outside.EVM_CHECK] == "pass"
        attested = verdict.facts["attested"]
        assert isinstance(attested, list)
        [seen] = attested
        assert isinstance(seen, dict)
        assert seen["check"] == outside.EVM_CHECK
        assert seen["earliest_ms"] == outside.SEEN_S * 1_000

    def test_false_evidence_makes_the_receipt_invalid(self) -> None:
        verdict = judge(self.receipt(outside.evm(some_hash("another block"))))
        assert (verdict.outcome, results(verdict)[outside.EVM_CHECK]) == ("invalid", "fail")

    @pytest.mark.parametrize("name", [outside.EVM_CHECK, outside.TSA_CHECK])
    def test_a_policy_that_requires_it_cannot_tell(self, name: str) -> None:
        verdict = judge(self.receipt(), policy=policy(require=[name]))
        assert (verdict.outcome, results(verdict)[name]) == ("cannot tell", "unknown")
        assert results(verdict)["inclusion"] == "pass"


def test_receipts_of_one_block_share_what_was_found_about_it() -> None:
    heads = Heads(policy())
    for _ in range(3):
        assert verify(DOCUMENT, World().receipt(), heads.policy, AT_MS, heads).outcome == "valid"
    assert len(heads.found) == 1
