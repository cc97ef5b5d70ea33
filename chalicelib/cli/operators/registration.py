"""Issuers as operators register them: from a JSON file, or from options and a public key file.

The file is ``{"id", "tenant", "names": {"en", "zh"}, "notary"?, "status"?, "accreditations"?:
[{"register", "number", "from_ms", "to_ms"?}], "keys": [{"jwk", "from_ms"?, "to_ms"?,
"compromised_ms"?}]}``; ``from_ms`` is now, ``status`` active, when it is left out.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...notary.ports import Issuer, IssuerKey
from ...proof.errors import Malformed
from ...proof.issuer_profile import STATUSES, check_issuer_text, read_accreditations
from ...proof.jcs import JsonValue, parse_ijson
from ...proof.keys import parse_jwk
from ...proof.members import MalformedMember, read_integer, read_list, read_members, read_text
from ...proof.statement import check_did
from ..failure import Misused
from ..files import read_file, shown

_ENDS = ("to_ms", "compromised_ms")


def read_issuer_file(path: Path, now_ms: int) -> Issuer:
    data = read_file(path)
    try:
        return _read_issuer(parse_ijson(data), now_ms)
    except Malformed as error:
        raise Misused(f"{shown(path)} is not an issuer: {error}") from error


def _read_issuer(value: JsonValue, now_ms: int) -> Issuer:
    optional = ("notary", "status", "accreditations")
    members = read_members(value, "issuer", ("id", "tenant", "names", "keys"), optional)
    id_ = read_text(members["id"], "id")
    check_did(id_)
    names = read_members(members["names"], "names", ("en", "zh"))
    status = read_text(members.get("status", "active"), "status")
    if status not in STATUSES:
        raise MalformedMember(f"status is one of {', '.join(STATUSES)}")
    return Issuer(
        id=id_,
        tenant=read_text(members["tenant"], "tenant"),
        names={
            language: check_issuer_text(read_text(name, "name"), f"the name in {language}")
            for language, name in names.items()
        },
        keys=tuple(_read_key(item, now_ms) for item in read_list(members["keys"], "keys")),
        notary=members.get("notary") is True,
        status=status,
        accreditations=read_accreditations(members.get("accreditations", [])),
    )


def _read_key(value: JsonValue, now_ms: int) -> IssuerKey:
    members = read_members(value, "key", ("jwk",), ("from_ms", *_ENDS))
    ends = {name: read_integer(members[name], name) for name in _ENDS if name in members}
    return IssuerKey(
        key=parse_jwk(members["jwk"]),
        from_ms=read_integer(members.get("from_ms", now_ms), "from_ms"),
        to_ms=ends.get("to_ms"),
        compromised_ms=ends.get("compromised_ms"),
    )


def merge_issuer(known: Issuer | None, new: Issuer) -> Issuer:
    """``new`` with the keys that are registered already: old receipts are judged by them.

    A key given again keeps the day from which it was good, and an end that it had unless another
    is given: nobody makes a stolen key good again by leaving something out."""
    if known is None:
        return new
    if known.tenant != new.tenant:
        raise Misused(f"{new.id} belongs to the tenant {known.tenant}, which cannot be changed")
    keys = {key.key.kid: key for key in known.keys}
    for key in new.keys:
        before = keys.get(key.key.kid)
        keys[key.key.kid] = key if before is None else _given_again(before, key)
    return replace(new, keys=tuple(keys.values()), approval=known.approval)


def _given_again(before: IssuerKey, key: IssuerKey) -> IssuerKey:
    to_ms = before.to_ms if key.to_ms is None else key.to_ms
    compromised_ms = before.compromised_ms if key.compromised_ms is None else key.compromised_ms
    return replace(before, to_ms=to_ms, compromised_ms=compromised_ms)


def _again(key: IssuerKey, before: IssuerKey) -> IssuerKey:
    return replace(key, from_ms=before.from_ms, arn=before.arn)


def join_issuer(known: Issuer | None, new: Issuer) -> Issuer:
    """The same for an issuer given by options, which say nothing of status and accreditations."""
    if known is not None:
        new = replace(new, status=known.status, accreditations=known.accreditations)
    return merge_issuer(known, new)
