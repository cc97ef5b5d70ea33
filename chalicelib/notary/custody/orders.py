"""What a tenant asks to be issued for it: read exactly, and held against registry and profile.

Refusals say what was expected and where, never what was found: what is asked is about people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args

from ...proof.document import Canonicalization, check_canonicalization, digest_document
from ...proof.errors import Malformed
from ...proof.jcs import DuplicateKey, JsonValue, parse_ijson
from ...proof.keys import EDDSA, SIGNATURE_BYTES, PublicKey, Signer, parse_jwk
from ...proof.limits import SALT_BYTES
from ...proof.members import JsonObject, MalformedMember, read_base64, read_object, read_text
from ...proof.receipt import HolderPart
from ...proof.times import format_time
from ..checks import check_active
from ..limits import CREDENTIAL_KEPT_BYTES, KMS_MESSAGE_BYTES, LIST_URL_CHARACTERS
from ..ports import Issuer, IssuerKey, Registry
from ..profiles import Profile, check_claims, profiles
from ..refused import Refused
from ..status.places import PAGE_PLACES, StatusPlace

Form: TypeAlias = Literal["sd-jwt-vc", "open-badges"]
FORMS: tuple[Form, ...] = get_args(Form)

_OF_DOCUMENTS = frozenset(("issuer", "profile", "document", "canonicalization"))
_OF_CLAIMS = frozenset(("issuer", "profile", "claims", "form", "holder"))


@dataclass(frozen=True, slots=True)
class Document:
    """The document's bytes, and how they are digested."""

    data: bytes
    canonicalization: Canonicalization


@dataclass(frozen=True, slots=True)
class Claims:
    """What a credential is made of. ``holder`` is a public JWK to which it is bound, if any."""

    claims: JsonObject
    form: Form
    holder: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be issued: for which issuer, with which of its keys in KMS, by which profile."""

    iss: str
    key: IssuerKey
    profile: Profile
    content: Document | Claims


class Made(NamedTuple):
    """The holder's part of the receipt, and the credential; that is empty for a document."""

    document: HolderPart
    credential: bytes


def read_order(body: bytes, tenant: str, registry: Registry, now_ms: int) -> Order:
    """The order in a JSON body; raises Refused, or profiles.BrokenClaims with every breach."""
    members = _read_members(body)
    try:
        iss, name = (read_text(members[each], each) for each in ("issuer", "profile"))
        content = _read_claims(members) if "claims" in members else _read_document(members)
    except Malformed as error:
        raise Refused("malformed-json", str(error)) from error
    badge = isinstance(content, Claims) and content.form == "open-badges"
    key = key_for_one(registry.issuer(iss), tenant, now_ms, EDDSA if badge else None)
    order = Order(iss, key, find_profile(name), content)
    _check(order)
    return order


def custodial_key(
    issuer: Issuer | None, tenant: str, now_ms: int, alg: int | None = None
) -> IssuerKey:
    """The newest good key in KMS of an issuer that may register documents now, of this algorithm if
    it has one; raises Refused."""
    found = _own(issuer, tenant)
    check_active(found)
    return _newest(found, now_ms, alg)


def key_for_one(
    issuer: Issuer | None, tenant: str, now_ms: int, alg: int | None = None
) -> IssuerKey:
    """The same for what is issued by itself, at the word of one person."""
    found = _own(issuer, tenant)
    if found.approval:
        raise Refused(
            "approval-required",
            f"documents of {found.id} need a second person's approval: send a roster to POST"
            " /v1/jobs, which somebody else approves",
        )
    return custodial_key(found, tenant, now_ms, alg)


def key_in_custody(issuer: Issuer | None, tenant: str, now_ms: int) -> IssuerKey:
    """``custodial_key``, whatever the issuer may do now."""
    return _newest(_own(issuer, tenant), now_ms, None)


def _own(issuer: Issuer | None, tenant: str) -> Issuer:
    if issuer is None:
        raise Refused("unknown-issuer", "ask the operator to register it")
    if issuer.tenant != tenant:
        raise Refused("not-your-issuer", f"{issuer.id} belongs to another tenant")
    return issuer


def _newest(issuer: Issuer, now_ms: int, alg: int | None) -> IssuerKey:
    held = [each for each in issuer.keys if each.arn and each.good_at(now_ms)]
    if not held:
        raise Refused(
            "no-custodial-key",
            f"{issuer.id} has no key in KMS that is good now: send statements that it signs itself"
            " to POST /entries, or ask the operator for a custodial key",
        )
    fit = [each for each in held if alg in (None, each.key.alg)]
    return max(fit or held, key=lambda each: each.from_ms)


def make(
    order: Order,
    signer: Signer,
    salt: bytes,
    seed: bytes,
    iat: int,
    place: StatusPlace | None = None,
) -> Made:
    """Make what was ordered. All randomness is in ``salt`` and ``seed``, and in the signature if it
    is ECDSA's; ``iat`` is in seconds, ``place`` that of a credential in status lists. Raises
    Refused."""
    content = order.content
    if isinstance(content, Document):
        return Made(holder_part(content.data, content.canonicalization, salt), b"")
    # What makes credentials takes a while to load, which a cold start need not pay.
    from ..issue import Issuing, issuer_part, make_open_badge, make_sd_jwt_vc

    issuing = Issuing(order.iss, signer, order.profile)
    try:
        if content.form == "sd-jwt-vc":
            text = make_sd_jwt_vc(issuing, content.claims, seed, iat, content.holder, place)
            return Made(holder_part(issuer_part(text).encode(), "raw", salt), text.encode())
        badge = make_open_badge(issuing, content.claims, seed, format_time(iat * 1_000), place)
    except Malformed as error:
        raise Refused("cannot-issue", str(error)) from error
    return Made(holder_part(badge, "jcs", salt), badge)


def holder_part(data: bytes, canonicalization: Canonicalization, salt: bytes) -> HolderPart:
    """What the holder keeps of a document; raises Refused for what cannot be digested so."""
    try:
        digests = digest_document(data, canonicalization)
    except DuplicateKey:
        raise Refused("malformed-document", "an object in it has a member twice") from None
    except Malformed as error:
        raise Refused("malformed-document", f"{error}: correct it, or ask for raw") from error
    return HolderPart(canonicalization, salt, digests.sha256, digests.sm3)


def _read_members(body: bytes) -> Mapping[str, JsonValue]:
    try:
        members = read_object(parse_ijson(body), "the body")
    except DuplicateKey:
        raise Refused("malformed-json", "an object has a member twice") from None
    except Malformed as error:
        raise Refused("malformed-json", str(error)) from error
    names = _OF_CLAIMS if "claims" in members else _OF_DOCUMENTS
    required = {"issuer", "profile", "claims" if "claims" in members else "document"}
    if not required <= members.keys() <= names:
        raise Refused(
            "malformed-json",
            "the body has exactly issuer, profile and either document, perhaps with"
            " canonicalization, or claims, perhaps with form and holder",
        )
    return members


def _read_document(members: Mapping[str, JsonValue]) -> Document:
    named = read_text(members.get("canonicalization", "raw"), "canonicalization")
    return Document(read_base64(members["document"], "document"), check_canonicalization(named))


def _read_claims(members: Mapping[str, JsonValue]) -> Claims:
    asked = members.get("form", "sd-jwt-vc")
    form = next((each for each in FORMS if each == asked), None)
    if form is None:
        raise MalformedMember(f"form is one of {', '.join(FORMS)}")
    holder = read_holder(members)
    if holder is not None and form != "sd-jwt-vc":
        raise MalformedMember("a holder's key is bound to sd-jwt-vc alone")
    return Claims(read_object(members["claims"], "claims"), form, holder)


def read_holder(members: Mapping[str, JsonValue]) -> dict[str, str] | None:
    """The public JWK in ``holder``, if there is one; raises MalformedMember."""
    if "holder" not in members:
        return None
    holder = read_object(members["holder"], "holder")
    try:
        parse_jwk(holder)
    except Malformed as error:
        raise MalformedMember(f"holder is a public JWK: {error}") from error
    return {name: read_text(value, "holder") for name, value in holder.items()}


def find_profile(name: str) -> Profile:
    """Raises Refused."""
    profile = profiles().get(name)
    if profile is None:
        raise Refused("unknown-profile", f"it is none of {', '.join(profiles())}")
    return profile


def _check(order: Order) -> None:
    """All that can be refused before anything is stored or signed."""
    content, profile = order.content, order.profile
    check_profile(profile, claims=isinstance(content, Claims))
    if isinstance(content, Claims):
        check_claims(profile, dict(content.claims))
    check_order_length(order)


def check_profile(profile: Profile, *, claims: bool) -> None:
    """Raises Refused for a profile of which no documents, or no claims, are taken."""
    if profile.blind:
        raise Refused(
            "blind-profile",
            f"documents of {profile.name} never leave their owner: sign a statement and send that"
            " to POST /entries",
        )
    if claims and not profile.schema.get("properties"):
        raise Refused("no-claims", f"{profile.name} takes no claims: send the document")


def check_order_length(order: Order) -> None:
    """See ``check_length``."""
    salt = seed = bytes(SALT_BYTES)

    def made(signer: Signer, place: StatusPlace) -> Made:
        return make(order, signer, salt, seed, 0, place)

    check_length(order.iss, order.key, made)


def check_length(iss: str, key: IssuerKey, make: Callable[[Signer, StatusPlace], Made]) -> None:
    """Make it without a signature, and raise Refused for what cannot be kept or signed."""
    measure = _Measure(key.key)
    # As long a place as any is; which one it will have is known only once it is claimed.
    url = "https://".ljust(LIST_URL_CHARACTERS + len(iss), "x")
    made = make(measure, StatusPlace(url, PAGE_PLACES - 1))
    if len(made.credential) > CREDENTIAL_KEPT_BYTES:
        raise Refused(
            "too-many-bytes", f"the credential would have more than {CREDENTIAL_KEPT_BYTES} bytes"
        )
    if measure.public.alg == EDDSA and measure.longest > KMS_MESSAGE_BYTES:
        raise Refused(
            "too-long-to-sign",
            f"the credential would have {measure.longest} bytes to sign, and an Ed25519 key in KMS"
            f" signs {KMS_MESSAGE_BYTES}: ask the operator for a P-256 key",
        )


@dataclass(slots=True)
class _Measure:
    """A signer that signs nothing, and knows how long the longest message was."""

    public: PublicKey
    longest: int = 0

    def sign(self, message: bytes) -> bytes:
        self.longest = max(self.longest, len(message))
        return b"\xff" * SIGNATURE_BYTES  # which is the longest in base58, too
