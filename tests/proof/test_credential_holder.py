"""Whose a credential is: what the holder signed for the verifier who asked."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.proof.credentials.sd_jwt import SdJwt, format_sd_jwt

from .credential_world import (
    ASKED,
    BOUND,
    Issued,
    bound,
    checks,
    judge,
    the,
)
from .credentials_samples import (
    HOLDER_KEY,
    STRANGER_KEY,
)
from .world import (
    AT_MS,
    DOCUMENT,
    ISSUER_KEY,
    REGISTERED_MS,
    World,
    policy,
)


class TestTheHolder:
    issued = Issued(BOUND)

    def code(self, shown: SdJwt | str, **more: Any) -> tuple[str, str | None]:
        verdict = judge(shown, self.issued.receipt, **more)
        return verdict.outcome, checks(verdict).get("holder")

    def test_a_credential_without_a_holder_s_key_says_nothing_unasked(self) -> None:
        assert "holder" not in checks(judge(Issued().whole, Issued().receipt))

    @pytest.mark.parametrize("bind", [False, True])
    def test_unasked_nobody_can_tell(self, bind: bool) -> None:
        shown = self.issued.shown(("degree",))
        found = self.code(bound(shown) if bind else shown)
        assert found == ("valid", "holder/not-asked")

    def test_what_was_asked_for_is_shown(self) -> None:
        shown = bound(self.issued.shown(("degree",)))
        assert self.code(shown, asked=ASKED) == ("valid", "holder/good")

    def test_what_was_asked_for_is_missing(self) -> None:
        assert self.code(self.issued.whole, asked=ASKED) == ("invalid", "holder/not-shown")

    @pytest.mark.parametrize("bind", [False, True])
    def test_a_credential_that_is_nobody_s(self, bind: bool) -> None:
        shown = bound(Issued().whole) if bind else Issued().whole
        verdict = judge(shown, Issued().receipt, asked=ASKED)
        assert (verdict.outcome, checks(verdict)["holder"]) == ("invalid", "holder/not-shown")

    @pytest.mark.parametrize(
        ("different", "code"),
        [
            ({"audience": "https://thief.example"}, "holder/false"),
            ({"nonce": "of yesterday"}, "holder/false"),
            ({"key": STRANGER_KEY}, "holder/false"),
            ({"iat": AT_MS // 1_000 - 601}, "holder/stale"),
            ({"iat": AT_MS // 1_000 + 61}, "holder/stale"),
        ],
    )
    def test_a_proof_for_somebody_else_or_another_time(
        self, different: dict[str, Any], code: str
    ) -> None:
        shown = bound(self.issued.whole, **different)
        assert self.code(shown, asked=ASKED) == ("invalid", code)

    def test_a_proof_for_somebody_else_is_false_at_any_time(self) -> None:
        shown = bound(self.issued.whole, nonce="of yesterday")
        early = self.code(shown, asked=ASKED, at_ms=REGISTERED_MS - 3_600_000)
        assert early == ("invalid", "holder/false")
        shown = bound(self.issued.whole)
        early = self.code(shown, asked=ASKED, at_ms=REGISTERED_MS - 3_600_000)
        assert early == ("cannot tell", "holder/unknown")

    def test_a_proof_moved_to_other_disclosures(self) -> None:
        binding = bound(self.issued.whole).key_binding
        moved = self.issued.shown(("degree",))._replace(key_binding=binding)
        assert self.code(moved, asked=ASKED) == ("invalid", "holder/false")

    def test_junk_where_the_proof_should_be(self) -> None:
        text = format_sd_jwt(self.issued.whole) + "junk"
        assert self.code(text, asked=ASKED) == ("invalid", "holder/false")

    def test_disclosures_that_cannot_be_read_leave_the_proof_unread(self) -> None:
        text = format_sd_jwt(self.issued.whole) + "~a.b.c"
        assert self.code(text, asked=ASKED) == ("invalid", "holder/unknown")

    def test_a_holder_who_is_known_by_something_else_than_a_key(self) -> None:
        issued = Issued({"cnf": {"kid": "did:example:ffion#1"}})
        verdict = judge(bound(issued.whole), issued.receipt, asked=ASKED)
        assert (verdict.outcome, checks(verdict)["holder"]) == ("cannot tell", "holder/unknown")

    def test_a_document_that_is_no_credential_has_no_holder(self) -> None:
        verdict = judge(DOCUMENT, World().receipt(), asked=ASKED)
        assert verdict.outcome == "cannot tell"
        assert (the(verdict, "holder").result, the(verdict, "holder").code) == (
            "unknown",
            "evidence/missing",
        )

    def test_a_policy_may_require_it(self) -> None:
        trusted = policy(require=["document", "holder", "credential", "disclosures"])
        assert self.code(self.issued.whole, trusted=trusted)[0] == "cannot tell"
        shown = bound(self.issued.whole)
        assert self.code(shown, trusted=trusted, asked=ASKED)[0] == "valid"

    def test_the_holder_s_key_is_not_the_issuer_s(self) -> None:
        assert HOLDER_KEY.public != ISSUER_KEY.public
