"""SD-JWT VC with npm ``@sd-jwt/sd-jwt-vc``: it accepts ours and refuses them altered; and the
reverse."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.proof.credentials.disclosure import UnreferencedDisclosure
from chalicelib.proof.credentials.key_binding import bind_key, verify_key_binding
from chalicelib.proof.credentials.multibase import format_base64url, parse_base64url
from chalicelib.proof.credentials.sd_jwt import (
    Expired,
    check_times,
    format_sd_jwt,
    parse_sd_jwt,
    select_disclosures,
)
from chalicelib.proof.credentials.sd_jwt_vc import issue_sd_jwt_vc, verify_sd_jwt_vc
from chalicelib.proof.errors import ProofError
from chalicelib.proof.keys import ES256, SigningKey, format_jwk, format_private_jwk

from ..proof.credentials_samples import (
    AT_MS,
    AUDIENCE,
    CLAIMS,
    CONCEALED,
    HOLDER_KEY,
    ISSUER_KEY,
    NONCE,
    P256_KEY,
    STRANGER_KEY,
    presented,
    salts,
    sd_jwt_vc,
)
from .peer import Ask, ask, ask_all

__all__ = ["ask", "ask_all"]

SECONDS = AT_MS // 1_000
KEYS = pytest.mark.parametrize("key", [ISSUER_KEY, P256_KEY], ids=["EdDSA", "ES256"])
FRAME: dict[str, Any] = {
    "_sd": ["given_name", "birthdate", "degree"],
    "degree": {"_sd": ["average"]},
    "languages": {"_sd": [0, 2]},
}


def verify_job(sd_jwt: str, key: SigningKey = ISSUER_KEY, **more: Any) -> dict[str, Any]:
    jwk = format_jwk(key.public)
    return {"job": "sdJwtVerify", "sdJwt": sd_jwt, "jwk": jwk, "at": SECONDS, **more}


class TestTheyReadOurs:
    @KEYS
    def test_all_claims(self, ask: Ask, key: SigningKey) -> None:
        job = verify_job(format_sd_jwt(sd_jwt_vc(key)), key)
        assert ask(**job).accepted()["payload"] == CLAIMS

    def test_the_chosen_claims_bound_to_the_holder(self, ask: Ask) -> None:
        holder = format_jwk(HOLDER_KEY.public)
        job = verify_job(format_sd_jwt(presented()), holder=holder, nonce=NONCE)
        read = ask(**job).accepted()
        assert read["payload"] == verify_sd_jwt_vc(presented(), ISSUER_KEY.public).verified.claims
        assert read["payload"]["languages"] == ["zh", "en"]
        assert read["audience"] == AUDIENCE

    def test_decoys_do_not_disturb(self, ask: Ask) -> None:
        text = issue_sd_jwt_vc(
            CLAIMS,
            CONCEALED,
            salts(len(CONCEALED)),
            ISSUER_KEY,
            decoys={(): [bytes(range(32))], ("degree",): [bytes(32)]},
        )
        assert ask(**verify_job(text)).accepted()["payload"] == CLAIMS

    def test_altered_ones_are_refused(self, ask_all: Any) -> None:
        good = format_sd_jwt(sd_jwt_vc())
        jwt, first, *rest = good.split("~")
        header, payload, signature = jwt.split(".")
        changed = parse_base64url(payload).replace(b"diploma", b"Diploma")
        swapped = format_sd_jwt(sd_jwt_vc(claims=CLAIMS | {"given_name": "Megan"})).split("~")[1]
        altered = [
            "~".join((f"{header}.{format_base64url(changed)}.{signature}", first, *rest)),
            "~".join((jwt[:-8] + "AAAAAAAA", first, *rest)),
            format_sd_jwt(sd_jwt_vc(STRANGER_KEY)),
        ]
        mixed = "~".join((jwt, swapped, *rest))
        accepted, lenient, *refused = ask_all(list(map(verify_job, (good, mixed, *altered))))
        assert accepted.accepted()["payload"] == CLAIMS
        assert all(outcome.error for outcome in refused)
        # RFC 9901 §7.1 step 5 has a disclosure without its digest refused, as we do: they drop it.
        assert "given_name" not in lenient.accepted()["payload"]
        with pytest.raises(UnreferencedDisclosure):
            verify_sd_jwt_vc(parse_sd_jwt(mixed), ISSUER_KEY.public)

    def test_expired_ones_are_refused_by_them_and_by_us(self, ask: Ask) -> None:
        late = CLAIMS["exp"] + 301
        text = format_sd_jwt(sd_jwt_vc())
        assert "exp" in str(ask(**(verify_job(text) | {"at": late})).error).lower()
        with pytest.raises(Expired):
            check_times(
                verify_sd_jwt_vc(sd_jwt_vc(), ISSUER_KEY.public).verified.claims, late * 1_000
            )

    def test_another_holder_or_nonce_is_refused(self, ask_all: Any) -> None:
        holder = format_jwk(HOLDER_KEY.public)
        stolen = bind_key(sd_jwt_vc(), P256_KEY, AUDIENCE, NONCE, SECONDS)
        for outcome in ask_all(
            [
                verify_job(format_sd_jwt(stolen), holder=holder, nonce=NONCE),
                verify_job(format_sd_jwt(presented()), holder=holder, nonce="other"),
                verify_job(format_sd_jwt(sd_jwt_vc()), holder=holder, nonce=NONCE),
            ]
        ):
            assert outcome.error


class TestWeReadTheirs:
    def issued(self, ask: Ask, key: SigningKey) -> str:
        alg = "ES256" if key.public.alg == ES256 else "EdDSA"
        given = {"claims": CLAIMS, "frame": FRAME, "jwk": format_private_jwk(key), "alg": alg}
        return str(ask("sdJwtIssue", **given).accepted())

    @KEYS
    def test_all_claims(self, ask: Ask, key: SigningKey) -> None:
        read = parse_sd_jwt(self.issued(ask, key))
        verified = verify_sd_jwt_vc(read, key.public).verified
        assert verified.claims == CLAIMS
        assert set(verified.disclosed) == set(CONCEALED)
        check_times(verified.claims, AT_MS)

    def test_a_choice_of_ours_from_theirs_is_read_by_them(self, ask: Ask) -> None:
        read = parse_sd_jwt(self.issued(ask, ISSUER_KEY))
        chosen = format_sd_jwt(select_disclosures(read, [("degree", "average")]))
        payload = ask(**verify_job(chosen)).accepted()["payload"]
        assert payload["degree"] == CLAIMS["degree"]
        assert "birthdate" not in payload

    def test_a_presentation_bound_by_their_holder(self, ask: Ask) -> None:
        given = {
            "sdJwt": format_sd_jwt(sd_jwt_vc()),
            "frame": {"degree": {"average": True}},
            "jwk": format_private_jwk(HOLDER_KEY),
            "alg": "ES256",
            "binding": {"aud": AUDIENCE, "nonce": NONCE, "iat": SECONDS},
        }
        read = parse_sd_jwt(ask("sdJwtPresent", **given).accepted())
        verified = verify_sd_jwt_vc(read, ISSUER_KEY.public).verified
        assert verified.claims["degree"] == CLAIMS["degree"]
        assert "given_name" not in verified.claims
        assert verify_key_binding(verified, AUDIENCE, NONCE, AT_MS) == HOLDER_KEY.public

    @KEYS
    def test_altered_ones_are_refused(self, ask: Ask, key: SigningKey) -> None:
        text = self.issued(ask, key)
        for at in range(0, len(text), 41):
            other = "A" if text[at] != "A" else "B"
            with pytest.raises(ProofError):
                verify_sd_jwt_vc(parse_sd_jwt(text[:at] + other + text[at + 1 :]), key.public)
