"""SD-JWT: what is withheld cannot be read, what is shown was signed, and the holder shows it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.credentials.disclosure import (
    MalformedSdJwt,
    NestedTooDeep,
    ReservedName,
    UnreferencedDisclosure,
)
from chalicelib.proof.credentials.key_binding import bind_key, verify_key_binding
from chalicelib.proof.credentials.sd_issue import (
    BadConcealment,
    BadSalts,
    NeverConcealed,
    NoSuchClaim,
    issue_sd_jwt,
)
from chalicelib.proof.credentials.sd_jwt import (
    Expired,
    MalformedClaimTime,
    NoSuchDisclosure,
    NotYetValid,
    SdJwtTooLong,
    check_times,
    format_sd_jwt,
    parse_sd_jwt,
    reveal_claims,
    select_disclosures,
    verify_sd_jwt,
)
from chalicelib.proof.credentials.sd_jwt_vc import (
    MalformedVcClaims,
    issue_sd_jwt_vc,
    verify_sd_jwt_vc,
)
from chalicelib.proof.errors import Malformed, ProofError
from chalicelib.proof.keys import WrongSignature
from chalicelib.proof.limits import JSON_DEPTH, SD_JWT_BYTES, SD_JWT_DISCLOSURES

from .credentials_samples import (
    AT_MS,
    AUDIENCE,
    CLAIMS,
    CONCEALED,
    HOLDER_KEY,
    ISSUER,
    ISSUER_KEY,
    NONCE,
    P256_KEY,
    STRANGER_KEY,
    disclosure_of,
    presented,
    salts,
    sd_jwt_of,
    sd_jwt_vc,
)

TYP = "example+sd-jwt"
KEYS = pytest.mark.parametrize("key", [ISSUER_KEY, P256_KEY], ids=["EdDSA", "ES256"])
NAMES = st.text("abc", min_size=1, max_size=2)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def paths_of(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    steps: list[Any] = []
    if isinstance(value, dict):
        steps = list(value)
    elif isinstance(value, list):
        steps = list(range(len(value)))
    own = [path] if path else []
    return own + [found for step in steps for found in paths_of(value[step], (*path, step))]


def issue(claims: Any, concealed: Any, **more: Any) -> str:
    return issue_sd_jwt(
        claims, concealed, salts(len(concealed)), ISSUER_KEY, typ=TYP, never=(), **more
    )


def check(text: str) -> None:
    verified = verify_sd_jwt_vc(parse_sd_jwt(text), ISSUER_KEY.public).verified
    verify_key_binding(verified, AUDIENCE, NONCE, AT_MS)


class TestIssue:
    @KEYS
    def test_a_credential_verifies_with_all_that_was_put_in(self, key: Any) -> None:
        credential = verify_sd_jwt_vc(sd_jwt_vc(key), key.public)
        assert credential.verified.claims == CLAIMS
        assert set(credential.verified.disclosed) == set(CONCEALED)
        assert (credential.issuer, credential.vct) == (ISSUER, CLAIMS["vct"])
        assert credential.status == CLAIMS["status"]

    def test_the_issuers_jwt_holds_no_withheld_name_or_value(self) -> None:
        payload = sd_jwt_vc().jws.payload.decode()
        for canary in ("Ffion", "given_name", "birthdate", "2001", "MEng", "average", "71.5"):
            assert canary not in payload
        assert "family_name" in payload

    def test_digests_stand_in_an_order_that_tells_nothing(self) -> None:
        digests: Any = sd_jwt_vc().payload["_sd"]
        assert digests == sorted(digests)

    def test_the_same_arguments_give_the_same_bytes(self) -> None:
        assert sd_jwt_vc() == sd_jwt_vc()

    def test_the_callers_claims_are_not_changed(self) -> None:
        before = deepcopy(CLAIMS)
        sd_jwt_vc()
        assert before == CLAIMS

    def test_decoys_look_like_digests_and_say_nothing(self) -> None:
        claims = {"a": 1, "b": {"c": 2}}
        decoys = {(): salts(3), ("b",): [bytes(range(16))]}
        read = parse_sd_jwt(issue(claims, [("a",), ("b",)], decoys=decoys))
        digests: Any = read.payload["_sd"]
        assert [len(digest) for digest in digests] == [43] * 5
        assert reveal_claims(read).claims == claims
        alone = parse_sd_jwt(issue(claims, [], decoys={(): salts(1)}))
        assert alone.payload["_sd_alg"] == "sha-256"

    def test_without_anything_to_withhold_there_is_no_sd(self) -> None:
        read = parse_sd_jwt(issue({"vct": "a"}, []))
        assert read.payload == {"vct": "a"}

    def test_tuples_are_arrays(self) -> None:
        assert reveal_claims(parse_sd_jwt(issue({"a": (1, 2)}, [("a", 1)]))).claims == {"a": [1, 2]}

    @given(st.dictionaries(NAMES, VALUES, max_size=4), st.data())
    def test_any_claims_come_back(self, claims: Any, data: st.DataObject) -> None:
        paths = paths_of(claims)
        concealed = data.draw(st.lists(st.sampled_from(paths), unique=True)) if paths else []
        read = parse_sd_jwt(issue(claims, concealed))
        verified = verify_sd_jwt(read, ISSUER_KEY.public, TYP)
        assert verified.claims == claims
        assert verified.disclosed == tuple(concealed)

    @pytest.mark.parametrize(
        ("concealed", "error"),
        {
            (("nothing",),): NoSuchClaim,
            (("degree", "nothing"),): NoSuchClaim,
            (("degree", 0),): NoSuchClaim,
            (("languages", "0"),): NoSuchClaim,
            (("languages", 3),): NoSuchClaim,
            (("languages", -1),): NoSuchClaim,
            (("languages", True),): NoSuchClaim,
            (("given_name", "a"),): NoSuchClaim,
            (("nothing", "a", "b"),): NoSuchClaim,
            ((),): BadConcealment,
            (("degree",), ("degree",)): BadConcealment,
            (("cnf", "jwk"),): NeverConcealed,
            (("exp",),): NeverConcealed,
            (("vct",),): NeverConcealed,
            (("status",),): NeverConcealed,
            (("aud",),): NeverConcealed,
        }.items(),
        ids=str,
    )
    def test_what_cannot_be_withheld(self, concealed: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            issue_sd_jwt_vc(CLAIMS, concealed, salts(len(concealed)), ISSUER_KEY)

    @pytest.mark.parametrize(
        "given",
        [[], salts(1) * 2, [bytes(15), bytes(16)], salts(3)],
        ids=["none", "one-twice", "short", "too-many"],
    )
    def test_each_withheld_claim_has_a_salt_of_its_own(self, given: Any) -> None:
        with pytest.raises(BadSalts):
            issue_sd_jwt(CLAIMS, CONCEALED[:2], given, ISSUER_KEY, typ=TYP)

    def test_decoys_are_for_objects_and_as_random_as_salts(self) -> None:
        with pytest.raises(BadConcealment):
            issue({"a": [1]}, [], decoys={("a",): salts(1)})
        with pytest.raises(NoSuchClaim):
            issue({"a": [1]}, [], decoys={("b",): salts(1)})
        with pytest.raises(BadSalts):
            issue({}, [], decoys={(): [bytes(15)]})

    @pytest.mark.parametrize("name", ["_sd", "_sd_alg", "..."])
    def test_names_of_the_format_are_refused(self, name: str) -> None:
        for claims in ({name: 1}, {"a": {name: 1}}, {"a": [{name: 1}]}):
            with pytest.raises(ReservedName):
                issue(claims, [])

    @pytest.mark.parametrize(
        "claims",
        [
            {"vct": "a", "exp": "tomorrow"},
            {"vct": "a", "nbf": -1},
            {"vct": "a", "iat": True},
        ],
    )
    def test_times_of_a_credential_are_numbers(self, claims: Any) -> None:
        with pytest.raises(MalformedClaimTime):
            issue_sd_jwt_vc(claims, [], [], ISSUER_KEY)

    @pytest.mark.parametrize("claims", [{}, {"vct": ""}, {"vct": "a", "iss": 1}])
    def test_a_credential_has_a_type_and_a_nameable_issuer(self, claims: Any) -> None:
        with pytest.raises(MalformedVcClaims):
            issue_sd_jwt_vc(claims, [], [], ISSUER_KEY)

    def test_a_kid_is_written_into_the_header(self) -> None:
        text = issue_sd_jwt_vc({"vct": "a"}, [], [], ISSUER_KEY, kid=f"{ISSUER}#1")
        assert parse_sd_jwt(text).jws.header == {
            "alg": "EdDSA",
            "kid": f"{ISSUER}#1",
            "typ": "dc+sd-jwt",
        }


class TestDepth:
    def nested(self, levels: int) -> Any:
        value: Any = {"a": 1}
        for _ in range(levels - 1):
            value = {"a": value}
        return value

    def test_whatever_is_issued_can_be_read(self) -> None:
        claims = self.nested(JSON_DEPTH - 1)
        every = [("a",) * length for length in range(1, JSON_DEPTH)]
        for concealed in ([], every[-1:], every[:1], every):
            assert reveal_claims(parse_sd_jwt(issue(claims, concealed))).claims == claims

    def test_deeper_claims_are_refused(self) -> None:
        for claims in (self.nested(JSON_DEPTH), {"a": self.nested(JSON_DEPTH - 1)}):
            with pytest.raises(NestedTooDeep):
                issue(claims, [])
        lists: Any = []
        for _ in range(JSON_DEPTH):
            lists = [lists]
        with pytest.raises(NestedTooDeep):
            issue({"a": lists}, [])


class TestSelect:
    def test_shows_what_is_chosen_and_what_it_stands_in(self) -> None:
        chosen = select_disclosures(sd_jwt_vc(), [("degree", "average"), ("languages", 2)])
        claims = verify_sd_jwt_vc(chosen, ISSUER_KEY.public).verified.claims
        assert claims["degree"] == CLAIMS["degree"]
        assert claims["languages"] == ["zh", "en"]
        assert "birthdate" not in claims

    def test_shows_the_outer_claim_without_the_inner(self) -> None:
        chosen = select_disclosures(sd_jwt_vc(), [("degree",)])
        assert reveal_claims(chosen).claims["degree"] == {"name": "MEng", "honours": "first"}

    def test_nothing_of_what_is_dropped_is_in_the_text(self) -> None:
        text = format_sd_jwt(select_disclosures(sd_jwt_vc(), [("given_name",)]))
        decoded = "".join(
            urlsafe_b64decode(part + "==").decode("utf-8", "replace")
            for part in text.replace("~", ".").split(".")
        )
        assert "Ffion" in decoded
        assert "birthdate" not in decoded
        assert "71.5" not in decoded

    def test_a_claim_that_has_no_disclosure_cannot_be_chosen(self) -> None:
        for path in (("family_name",), ("degree", "name"), ("nothing",)):
            with pytest.raises(NoSuchDisclosure):
                select_disclosures(sd_jwt_vc(), [path])

    def test_a_choice_drops_the_key_binding(self) -> None:
        assert select_disclosures(presented(), []).key_binding is None


class TestKeyBinding:
    def test_the_holder_is_known_by_the_issuers_word(self) -> None:
        verified = verify_sd_jwt_vc(presented(), ISSUER_KEY.public).verified
        assert verify_key_binding(verified, AUDIENCE, NONCE, AT_MS) == HOLDER_KEY.public

    def test_binding_again_replaces_the_former(self) -> None:
        again = bind_key(presented(), HOLDER_KEY, AUDIENCE, "other", AT_MS // 1_000)
        verified = verify_sd_jwt_vc(again, ISSUER_KEY.public).verified
        assert verify_key_binding(verified, AUDIENCE, "other", AT_MS) == HOLDER_KEY.public

    def test_a_thief_cannot_bind(self) -> None:
        stolen = bind_key(sd_jwt_vc(), STRANGER_KEY, AUDIENCE, NONCE, AT_MS // 1_000)
        verified = verify_sd_jwt_vc(stolen, ISSUER_KEY.public).verified
        with pytest.raises(ProofError):
            verify_key_binding(verified, AUDIENCE, NONCE, AT_MS)


class TestTimes:
    @pytest.mark.parametrize(
        ("at_ms", "error"),
        [
            (1_780_000_000_000 - 1, NotYetValid),
            (1_780_000_000_000, None),
            (1_900_000_000_000 - 1, None),
            (1_900_000_000_000, Expired),
        ],
    )
    def test_valid_from_nbf_until_before_exp(
        self, at_ms: int, error: type[Exception] | None
    ) -> None:
        if error is None:
            check_times(CLAIMS, at_ms)
        else:
            with pytest.raises(error):
                check_times(CLAIMS, at_ms)

    def test_claims_without_times_are_always_valid(self) -> None:
        check_times({}, 0)

    def test_a_fraction_of_a_second_counts(self) -> None:
        check_times({"exp": 1.5}, 1_499)
        with pytest.raises(Expired):
            check_times({"exp": 1.5}, 1_500)

    @pytest.mark.parametrize("value", ["1", None, True, -1, 2**53, [1]])
    def test_other_values_are_refused(self, value: Any) -> None:
        with pytest.raises(MalformedClaimTime):
            check_times({"exp": value}, 0)


class TestHostileText:
    def test_too_long_or_with_too_many_disclosures(self) -> None:
        with pytest.raises(SdJwtTooLong):
            parse_sd_jwt("~" * (SD_JWT_BYTES + 1))
        with pytest.raises(SdJwtTooLong):
            parse_sd_jwt("~" * (SD_JWT_DISCLOSURES + 2))
        with pytest.raises(SdJwtTooLong):
            issue({"a": "a" * SD_JWT_BYTES}, [])
        with pytest.raises(SdJwtTooLong):
            issue({}, [(str(number),) for number in range(SD_JWT_DISCLOSURES + 1)])

    def test_the_most_disclosures_are_read(self) -> None:
        count = SD_JWT_DISCLOSURES
        claims = {"a": [0] * count}
        elements: list[tuple[str | int, ...]] = [("a", number) for number in range(count)]
        read = parse_sd_jwt(issue(claims, elements))
        assert verify_sd_jwt(read, ISSUER_KEY.public, TYP).claims == claims
        assert len(select_disclosures(read, elements[::2]).disclosures) == count // 2

    @pytest.mark.parametrize("shape", ["[" * 90 + "{}" + "]" * 90, '{"a":' * 90 + "1" + "}" * 90])
    def test_deep_disclosures_inside_each_other_end_in_a_named_error(self, shape: str) -> None:
        value = json.loads(shape)
        texts = [disclosure_of(["salt", f"a{number}", value]) for number in range(50)]
        with suppress(ProofError):
            reveal_claims(parse_sd_jwt(sd_jwt_of({"vct": "a"}, texts)))

    @given(st.text("~.eyJ0=_", max_size=30))
    def test_any_text_is_malformed(self, text: str) -> None:
        with pytest.raises(Malformed):
            parse_sd_jwt(text)

    @given(st.data())
    def test_no_character_can_be_changed(self, data: st.DataObject) -> None:
        text = format_sd_jwt(presented())
        at = data.draw(st.integers(0, len(text) - 1))
        character = data.draw(st.sampled_from("AZaz09-_.=~"))
        if text[at] == character:
            return
        with pytest.raises(ProofError):
            check(text[:at] + character + text[at + 1 :])

    @given(st.dictionaries(NAMES | st.sampled_from(["_sd", "...", "_sd_alg"]), VALUES, max_size=4))
    def test_any_payload_is_read_or_refused(self, payload: Any) -> None:
        texts = [disclosure_of(["salt", "a", 1]), disclosure_of(["salt", 1])]
        for disclosures in ([], texts):
            try:
                read = parse_sd_jwt(sd_jwt_of(payload, disclosures))
                reveal_claims(read)
            except ProofError:
                continue
            assert not disclosures

    def test_a_signature_is_checked_before_anything_is_believed(self) -> None:
        read = sd_jwt_vc(STRANGER_KEY)
        with pytest.raises(WrongSignature):
            verify_sd_jwt_vc(read, ISSUER_KEY.public)

    def test_a_disclosure_from_another_credential_is_refused(self) -> None:
        other = sd_jwt_vc(claims=CLAIMS | {"given_name": "Megan"})
        mixed = sd_jwt_vc()._replace(disclosures=other.disclosures)
        with pytest.raises(UnreferencedDisclosure):
            verify_sd_jwt_vc(mixed, ISSUER_KEY.public)


def test_errors_are_malformed() -> None:
    assert issubclass(MalformedSdJwt, Malformed)
