"""Keys and receipts in the W3C VC API: an issuer is judged by the log's time, or else by now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.api import wiring
from chalicelib.notary.ports import IssuerKey
from chalicelib.proof.issuer_profile import Accreditation
from tests.api.vc_world import (
    COLLEGE_KEY,
    HOSPITAL_KEY,
    credential,
    enveloped,
    receipt_of,
    receipt_of_credential,
    registered,
    results,
    sd_jwt,
    signed,
    verify,
)
from tests.api.world import COLLEGE, HOSPITAL, World, problem_of
from tests.fakes import START_MS

DAY_MS = 86_400_000


class TestKeys:
    """By the log's time where a receipt shows it, else by now."""

    @pytest.mark.parametrize(
        ("key", "result"),
        [
            ({"from_ms": START_MS}, "pass"),
            ({"from_ms": START_MS + 1}, "fail"),
            ({"from_ms": 0, "to_ms": START_MS + 1}, "pass"),
            ({"from_ms": 0, "to_ms": START_MS}, "unknown"),
            ({"from_ms": 0, "compromised_ms": START_MS}, "unknown"),
        ],
    )
    def test_without_a_receipt_what_is_no_longer_good_is_unknown(
        self, world: World, key: dict[str, Any], result: str
    ) -> None:
        registered(world, keys=(IssuerKey(COLLEGE_KEY.public, **key),))
        assert results(verify(world, signed()))["issuer"] == result

    @pytest.mark.parametrize("end", ["to_ms", "compromised_ms"])
    def test_what_was_registered_before_the_end_stays_verified(
        self, world: World, end: str
    ) -> None:
        receipt = receipt_of_credential(world, signed())
        ending: dict[str, Any] = {end: START_MS + DAY_MS}
        registered(world, keys=(IssuerKey(COLLEGE_KEY.public, 0, **ending),))
        world.clock.now_ms += 2 * DAY_MS
        assert verify(world, signed())["verdict"] == "cannot tell"
        answer = verify(world, signed(), receipt=receipt)
        assert results(answer)["issuer"] == "pass"
        assert results(answer)["receipt"] == "pass"

    def test_what_was_registered_after_a_theft_is_false(self, world: World) -> None:
        receipt = receipt_of_credential(world, signed())
        registered(
            world, keys=(IssuerKey(COLLEGE_KEY.public, 0, compromised_ms=START_MS - DAY_MS),)
        )
        answer = verify(world, signed(), receipt=receipt)
        assert answer["verdict"] == "invalid"

    @pytest.mark.parametrize("state", ["suspended", "closed"])
    def test_of_an_issuer_that_is_not_active_now_the_receipt_tells(
        self, world: World, state: str
    ) -> None:
        receipt = receipt_of_credential(world, signed())
        registered(world, status=state)
        answer = verify(world, signed())
        assert results(answer)["issuer"] == "unknown"
        assert state in answer["checks"][1]["detail"]
        assert verify(world, signed(), receipt=receipt)["verified"]

    def test_accreditations(self, world: World) -> None:
        receipt = receipt_of_credential(world, signed())
        good = Accreditation("HEDD", "17", START_MS - DAY_MS, START_MS + DAY_MS)
        registered(world, accreditations=(Accreditation("A", "1", 0, 1), good))
        assert "accredited by HEDD as 17" in verify(world, signed())["checks"][1]["detail"]
        world.clock.now_ms += 2 * DAY_MS
        assert results(verify(world, signed()))["issuer"] == "unknown"
        assert verify(world, signed(), receipt=receipt)["verified"]
        registered(world, accreditations=(replace(good, from_ms=START_MS + DAY_MS // 2),))
        assert verify(world, signed(), receipt=receipt)["verdict"] == "invalid"

    def test_a_key_that_the_registry_does_not_have_is_unknown(self, world: World) -> None:
        for method in (f"{COLLEGE}#key-1", f"{COLLEGE}#", COLLEGE):
            answer = verify(world, signed(method=method))
            assert results(answer)["proof"] == "unknown"
            assert "unknown key" in answer["checks"][1]["detail"]

    def test_a_p256_key_makes_no_proof_of_eddsa(self, world: World) -> None:
        value = credential(issuer=HOSPITAL)
        method = f"{HOSPITAL}#{HOSPITAL_KEY.public.kid.hex()}"
        response = world.post_json(
            "/credentials/verify", {"verifiableCredential": signed(value, method=method)}
        )
        assert (response.status_code, problem_of(response)) == (400, "malformed-credential")

    @pytest.mark.parametrize(
        "did", ["did:key:z6Mk", "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3"]
    )
    def test_a_did_key_of_no_such_key_is_unknown(self, world: World, did: str) -> None:
        value = credential(issuer=did)
        answer = verify(world, signed(value, method=f"{did}#{did.removeprefix('did:key:')}"))
        assert results(answer)["proof"] == "unknown"

    @pytest.mark.parametrize(
        "issuer",
        [
            "https://college.example",
            "did:web:COLLEGE.example",
            "did:web:college.example%3A8443",
            "did:example:college",
        ],
    )
    def test_an_id_that_no_issuer_can_have_is_not_even_looked_up(
        self, world: World, issuer: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(world.registry, "issuer", {}.__getitem__)
        answer = verify(world, signed(credential(issuer=issuer), method=f"{issuer}#key-1"))
        assert answer["verdict"] == "cannot tell"

    def test_an_id_with_a_letter_that_looks_like_another_is_refused(self, world: World) -> None:
        value = {**signed(), "issuer": "did:web:c\u043ellege.example"}
        body = {"verifiableCredential": value}
        assert problem_of(world.post_json("/credentials/verify", body)) == "malformed-credential"


class TestReceipt:
    def test_of_an_sd_jwt_it_is_about_the_issuers_part_whatever_is_withheld(
        self, world: World
    ) -> None:
        document = sd_jwt().jws.text.encode()
        more = {"iss": HOSPITAL, "key": HOSPITAL_KEY, "tenant": "hospital"}
        receipt = receipt_of(world, document, "raw", **more)
        value = enveloped(sd_jwt()._replace(disclosures=()))
        assert verify(world, value, receipt=receipt)["verified"]

    def test_of_an_sd_jwt_that_somebody_else_registered_is_false(self, world: World) -> None:
        receipt = receipt_of(world, sd_jwt().jws.text.encode(), "raw")
        answer = verify(world, enveloped(sd_jwt()), receipt=receipt)
        assert (results(answer)["receipt"], results(answer)["issuer"]) == ("fail", "pass")

    def test_of_another_credential_is_false(self, world: World) -> None:
        receipt = receipt_of_credential(world, signed(credential(id="urn:uuid:2")))
        answer = verify(world, signed(), receipt=receipt)
        assert results(answer)["receipt"] == "fail"
        assert results(answer)["receipt:document"] == "fail"

    def test_of_another_issuer_is_false(self, world: World) -> None:
        more = {"iss": HOSPITAL, "key": HOSPITAL_KEY, "tenant": "hospital"}
        receipt = receipt_of_credential(world, signed(), **more)
        answer = verify(world, signed(), receipt=receipt)
        assert (results(answer)["receipt"], results(answer)["issuer"]) == ("fail", "pass")

    def test_whose_log_is_not_this_one_cannot_be_told(self, world: World) -> None:
        with_receipt = receipt_of_credential(world, signed())
        other = World()
        other.service = replace(
            other.service, log=replace(other.service.log, origin="b.example/log")
        )
        wiring.use(other.service)
        answer = verify(other, signed(), receipt=with_receipt)
        assert results(answer)["receipt"] == "unknown"

    @pytest.mark.parametrize("receipt", ["", "e30=", "e30", 1, None])
    def test_that_cannot_be_read_is_no_request(self, world: World, receipt: Any) -> None:
        body = {"verifiableCredential": signed(), "options": {"receipt": receipt}}
        assert problem_of(world.post_json("/credentials/verify", body)) == "malformed-json"
