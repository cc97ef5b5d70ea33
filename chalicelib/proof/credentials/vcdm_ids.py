"""Ids in credentials and presentations (VCDM §4.4)."""

from __future__ import annotations

import re

from ..errors import Malformed
from ..jcs import JsonValue
from ..limits import CREDENTIAL_ID_CHARACTERS


class MalformedCredential(Malformed):
    """Not a credential or presentation of the data model."""


class MalformedId(MalformedCredential):
    """An id that is no absolute URL in ASCII (RFC 3986)."""


_ID = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")


def read_id(value: JsonValue, what: str) -> str:
    """An absolute URL of the characters of RFC 3986, so that none looks like another; raises
    MalformedId."""
    if (
        not isinstance(value, str)
        or len(value) > CREDENTIAL_ID_CHARACTERS
        or not _ID.fullmatch(value)
    ):
        raise MalformedId(f"{what} is an absolute URL in ASCII (RFC 3986)")
    return value
