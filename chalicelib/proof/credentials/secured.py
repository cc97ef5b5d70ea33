"""Secured credentials in JSON, whichever way they are secured (VCDM §4.12, §4.13.1).

A credential with an embedded proof, or an EnvelopedVerifiableCredential: an object whose id is a
``data:`` URL of an SD-JWT, either an SD-JWT VC of the IETF (``application/dc+sd-jwt``) or a
credential of the data model as the claims of an SD-JWT (``application/vc+sd-jwt``, VC-JOSE-COSE
§3.2.1). Read, and not verified.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from ..errors import CannotTell
from ..jcs import JsonValue
from .data_integrity import Proof, read_proof
from .disclosure import MalformedSdJwt
from .sd_jwt import SdJwt, parse_sd_jwt
from .sd_jwt_vc import TYPE
from .vcdm import CONTEXTS, Credential, check_contexts, read_credential
from .vcdm_ids import MalformedCredential

ENVELOPED = "EnvelopedVerifiableCredential"
VC = "vc+sd-jwt"
"""The type of an SD-JWT whose claims are a credential of the data model."""

_MEMBERS = {"@context", "type", "id"}
_SCHEME = "data:"


class MalformedEnvelope(MalformedCredential):
    """An enveloped credential that is not exactly a context, a type, and a ``data:`` URL."""


class UnknownEnvelope(CannotTell):
    """A ``data:`` URL of another kind than SD-JWTs as they are."""


class ProtectedMemberDisclosed(MalformedSdJwt):
    """What judges a credential is in a disclosure or could be."""


class Embedded(NamedTuple):
    """A credential with its proof beside it; ``value`` is all of it."""

    value: Mapping[str, JsonValue]
    credential: Credential
    proof: Proof


class Enveloped(NamedTuple):
    """An SD-JWT; ``typ`` is what its header must say: sd_jwt_vc.TYPE or ``VC``."""

    value: Mapping[str, JsonValue]
    sd_jwt: SdJwt
    typ: str


Secured = Embedded | Enveloped


def read_secured(value: JsonValue, contexts: Collection[str] = CONTEXTS) -> Secured:
    """Read a credential with what secures it. Raises Malformed, or CannotTell for a proof or an
    envelope of another kind."""
    if not isinstance(value, dict):
        raise MalformedCredential("a credential is an object")
    if value.get("type") in (ENVELOPED, [ENVELOPED]):
        return _read_envelope(value, contexts)
    return Embedded(value, read_credential(value, contexts), read_proof(value))


def _read_envelope(value: Mapping[str, JsonValue], contexts: Collection[str]) -> Enveloped:
    if value.keys() != _MEMBERS:
        raise MalformedEnvelope(f"an {ENVELOPED} has exactly {', '.join(sorted(_MEMBERS))}")
    context = value["@context"]
    check_contexts(context if isinstance(context, list) else [context], contexts)
    url = value["id"]
    if not isinstance(url, str) or not url.startswith(_SCHEME) or "," not in url:
        raise MalformedEnvelope(f"the id of an {ENVELOPED} is a data: URL (RFC 2397)")
    media, _, text = url.removeprefix(_SCHEME).partition(",")
    typ = media.removeprefix("application/")
    if media != f"application/{typ}" or typ not in (TYPE, VC):
        raise UnknownEnvelope(f"this version reads envelopes of application/{TYPE} and {VC} alone")
    return Enveloped(value, parse_sd_jwt(text), typ)


_PROTECTED = ("@context", "issuer", "validFrom", "validUntil", "credentialStatus")


def read_claims(
    claims: Mapping[str, JsonValue],
    signed: Mapping[str, JsonValue],
    contexts: Collection[str] = CONTEXTS,
) -> Credential:
    """The credential that an SD-JWT's ``claims`` are, where ``signed`` are those before anything
    was disclosed. Raises MalformedCredential or ProtectedMemberDisclosed."""
    for name in _PROTECTED:
        if name in claims and (name not in signed or claims[name] != signed[name]):
            raise ProtectedMemberDisclosed(f"{name} does not stand in the issuer's JWT as it is")
    return read_credential(claims, contexts)
