"""Credentials of the college's and the hospital's, as the W3C VC API gets them."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

from chalicelib.notary.issue import key_url
from chalicelib.proof.credentials.data_integrity import AUTHENTICATION, sign_document
from chalicelib.proof.credentials.key_binding import bind_key
from chalicelib.proof.credentials.multibase import did_key_method
from chalicelib.proof.credentials.sd_jwt import SdJwt, format_sd_jwt, parse_sd_jwt
from chalicelib.proof.credentials.sd_jwt_vc import issue_sd_jwt_vc
from chalicelib.proof.credentials.vcdm import V2
from chalicelib.proof.document import Canonicalization, commit, digest_document
from chalicelib.proof.errors import CannotTell
from chalicelib.proof.jcs import format_jcs
from chalicelib.proof.keys import ES256, SigningKey, format_jwk
from chalicelib.proof.receipt import HolderPart, format_receipt, parse_receipt
from chalicelib.proof.statement import Register
from tests.api.world import COLLEGE, HOSPITAL, NOW_S, World
from tests.fakes import key_named

CREATED = "2026-07-01T09:30:00Z"
DOMAIN, CHALLENGE = "employer.example", "n-0S6_WzA2Mj"
SALT = bytes(range(32))
LIST = f"https://tally.test/v1/issuers/{COLLEGE}/lists/0"

HOLDER = key_named("holder")
WALLET = key_named("wallet", ES256)
STRANGER = key_named("stranger")

COLLEGE_KEY, HOSPITAL_KEY = key_named("college"), key_named("hospital", ES256)


Answer = dict[str, Any]


def did_key(key: SigningKey) -> str:
    return did_key_method(key.public).partition("#")[0]


class Lists:
    """Status lists of this service: what is set at a URL and an index, and what cannot be had."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, int], int] = {}
        self.asked: list[tuple[str, int]] = []
        self.down = False

    def value(self, url: str, index: int, now_ms: int) -> int:
        assert now_ms > 0
        self.asked.append((url, index))
        if self.down:
            raise CannotTell("the list is too old")
        return self.values.get((url, index), 0)


def credential(**different: Any) -> dict[str, Any]:
    """A credential of the college, without proof; a member that is None is left out."""
    value = {
        "@context": [V2],
        "id": "urn:uuid:9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
        "type": ["VerifiableCredential"],
        "issuer": COLLEGE,
        "validFrom": "2020-01-01T00:00:00Z",
        "credentialSubject": {
            "id": "urn:uuid:1c2d7a52-0b6a-4f5e-8f6d-6a2f0a4c9f11",
            "degree": "BA",
        },
        **different,
    }
    return {name: member for name, member in value.items() if member is not None}


def status(purpose: str = "revocation", index: int = 7, url: str = LIST) -> dict[str, Any]:
    return {
        "id": f"{url}#{index}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": purpose,
        "statusListIndex": str(index),
        "statusListCredential": f"{url}/{purpose}",
    }


def signed(
    value: dict[str, Any] | None = None,
    key: SigningKey = COLLEGE_KEY,
    method: str = "",
    **more: Any,
) -> Any:
    """With the college's proof, but for what is different."""
    options = {"purpose": "assertionMethod", "created": CREATED, **more}
    method = method or key_url(COLLEGE, key.public)
    return sign_document(credential() if value is None else value, key, method, **options)


def sd_jwt(key: SigningKey = HOSPITAL_KEY, iss: str = HOSPITAL, **different: Any) -> SdJwt:
    claims = {
        "iss": iss,
        "vct": "urn:tally:profile:healthcare/immunization",
        "iat": NOW_S,
        "cnf": {"jwk": format_jwk(WALLET.public)},
        "name": "Ffion",
        "vaccine": "MMR",
        **different,
    }
    given = {name: claim for name, claim in claims.items() if claim is not None}
    salts = [bytes([n]) * 16 for n in (1, 2)]
    kid = key_url(iss, key.public)
    return parse_sd_jwt(issue_sd_jwt_vc(given, [("name",), ("vaccine",)], salts, key, kid=kid))


def bound(
    value: SdJwt, domain: str = DOMAIN, challenge: str = CHALLENGE, at_s: int = NOW_S
) -> SdJwt:
    return bind_key(value, WALLET, domain, challenge, at_s)


def enveloped(value: SdJwt | str, media: str = "application/dc+sd-jwt") -> dict[str, Any]:
    text = value if isinstance(value, str) else format_sd_jwt(value)
    return {
        "@context": V2,
        "id": f"data:{media},{text}",
        "type": "EnvelopedVerifiableCredential",
    }


def presentation(*credentials: Any, **different: Any) -> dict[str, Any]:
    value = {
        "@context": [V2],
        "type": ["VerifiablePresentation"],
        "holder": did_key(HOLDER),
        "verifiableCredential": list(credentials),
        **different,
    }
    return {name: member for name, member in value.items() if member is not None}


def presented(value: dict[str, Any] | None = None, key: SigningKey = HOLDER, **more: Any) -> Any:
    """With the holder's proof, but for what is different."""
    options = {
        "purpose": AUTHENTICATION,
        "created": CREATED,
        "domain": DOMAIN,
        "challenge": CHALLENGE,
        "method": did_key_method(key.public),
        **more,
    }
    return sign_document(presentation(signed()) if value is None else value, key, **options)


def receipt_of(
    world: World, document: bytes, canonicalization: Canonicalization = "jcs", **more: Any
) -> str:
    """The receipt of a document that the college, or who is named, registers now, in base64."""
    digests = digest_document(document, canonicalization)
    payload = Register("generic/file", canonicalization, *commit(SALT, digests))
    accept = "application/vnd.tally.receipt+json"
    tenant = more.pop("tenant", "college")
    response = world.submit(
        world.statement(payload=payload, **more), tenant=tenant, Prefer="wait=5", Accept=accept
    )
    holder = HolderPart(canonicalization, SALT, digests.sha256, digests.sm3)
    receipt = replace(parse_receipt(response.body), document=holder)
    return b64encode(format_receipt(receipt)).decode()


def receipt_of_credential(world: World, value: Any, **more: Any) -> str:
    return receipt_of(world, format_jcs(value), **more)


def results(answer: dict[str, Any]) -> dict[str, str]:
    """What each check found."""
    return {check["check"]: check["result"] for check in answer["checks"]}


def verify(world: World, value: Any, **options: Any) -> Answer:
    """The answer, whose status says the same."""
    body = {"verifiableCredential": value, **({"options": options} if options else {})}
    response = world.post_json("/credentials/verify", body)
    answer: Answer = response.json_body
    assert (response.status_code == 200) is answer["verified"]
    if response.status_code != 200:
        assert response.status_code == 400
        assert answer["problemDetails"]
    return answer


def verify_presentation(world: World, value: Any, **options: Any) -> Answer:
    given = {"domain": DOMAIN, "challenge": CHALLENGE} | options
    sent = {name: option for name, option in given.items() if option is not None}
    body = {"verifiablePresentation": value, "options": sent}
    return dict(world.post_json("/presentations/verify", body).json_body)


def registered(world: World, **different: Any) -> None:
    """The college as the registry has it, but for what is different."""
    issuer = world.registry.issuer(COLLEGE)
    assert issuer is not None
    world.registry.put_issuer(replace(issuer, **different))
