"""URLs that strangers name, and the addresses behind them: which of them the service may use.

Issuers name hosts by their did:web ids, tenants by the URLs of their webhooks. The service would
otherwise ask, on their behalf, what only it can reach: the metadata of its own machine, hosts of
its own network, itself. So a URL is https to a DNS name, and every address of that name is global
unicast (RFC 6890). Both are judged here, and used in ``adapters/public_http.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from typing import ClassVar, NamedTuple

from .limits import PUBLIC_URL_CHARACTERS

Address = IPv4Address | IPv6Address

HTTPS_PORT = 443
HTTPS_ONLY = frozenset({HTTPS_PORT})


class NotReached(Exception):
    """A URL was refused, or gave no answer that can be used. ``name`` is stable; the text is safe
    to publish: it holds nothing of the URL, of the addresses behind it, or of the answer."""

    name: ClassVar[str] = "not-reached"


class MalformedPublicUrl(NotReached):
    """Not one URL in its one spelling."""

    name = "malformed-url"


class NotHttps(NotReached):
    """Another scheme than https."""

    name = "not-https"


class NotADomain(NotReached):
    """The host is no DNS name: an IP address in some spelling, a name without a dot, not ASCII."""

    name = "not-a-domain"


class ClosedPort(NotReached):
    """Another port than 443."""

    name = "closed-port"


class UnknownHost(NotReached):
    """The host has no addresses."""

    name = "unknown-host"


class PrivateAddress(NotReached):
    """An address of the host is not global unicast."""

    name = "private-address"


class NoConnection(NotReached):
    """No address of the host takes connections."""

    name = "no-connection"


class NotTrusted(NotReached):
    """TLS failed: no certificate of a known authority for this host, or no TLS at all."""

    name = "not-trusted"


class OutOfTime(NotReached):
    """There was no whole answer in the time that a request has."""

    name = "out-of-time"


class BrokenAnswer(NotReached):
    """The answer is not HTTP, ends too early, or is compressed though nobody asked for that."""

    name = "broken-answer"


class AnswerTooLarge(NotReached):
    """The answer has more bytes than the limit."""

    name = "answer-too-large"


class Answer(NamedTuple):
    """``media`` is the media type in lower case without parameters, ``body`` empty where it was
    not wanted, ``retry_after_s`` what the server asks for in seconds, 0 if it does not."""

    status: int
    body: bytes = b""
    media: str = ""
    retry_after_s: int = 0


Get = Callable[[str], Answer]
"""Fetch a URL. Follows no redirect; raises NotReached."""

Post = Callable[[str, bytes, Mapping[str, str]], Answer]
"""Post a body with these headers to a URL, and read of the answer its head alone. Follows no
redirect; raises NotReached."""


Reach = Callable[[str], None]
"""Judge a URL and the addresses of its host now, and connect to none; raises NotReached."""


class PublicUrl(NamedTuple):
    """``target`` is path and query, as HTTP sends it (RFC 9112 §3.2.1)."""

    host: str
    port: int
    target: str


_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_TOP = "[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
_HOST = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+{_TOP}")
"""Two labels or more. What reads as an IPv4 address to any of the old readers (decimal, octal, hex,
short) ends in a label that begins with a digit, which no top-level domain does."""

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<host>[^/?#:]*)(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<target>(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?)"
)


def parse_public_url(text: str, ports: Collection[int] = HTTPS_ONLY) -> PublicUrl:
    """The parts of an https URL whose host is a lower-case DNS name, without user or fragment.
    Raises MalformedPublicUrl, NotHttps, NotADomain or ClosedPort."""
    if len(text) > PUBLIC_URL_CHARACTERS:
        raise MalformedPublicUrl(f"a URL has at most {PUBLIC_URL_CHARACTERS} characters")
    scheme, _, rest = text.partition(":")
    if scheme != "https" and rest:
        raise NotHttps("a URL begins with https://")
    authority = re.match(r"https://([^/?#]*)", text)
    if authority and not _HOST.fullmatch(re.sub(r":[0-9]*\Z", "", authority[1])):
        raise NotADomain("the host of a URL is a lower-case DNS name, not an address")
    match = _URL.fullmatch(text)
    if match is None:
        raise MalformedPublicUrl("a URL is https://host[:port][/path][?query]")
    port = int(match["port"] or HTTPS_PORT)
    if port not in ports:
        raise ClosedPort("the port of a URL is 443")
    target = match["target"]
    return PublicUrl(match["host"], port, target if target.startswith("/") else f"/{target}")


_CLOSED_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers, and where some clouds keep their metadata
        "127.0.0.0/8",
        "169.254.0.0/16",  # 169.254.169.254 above all
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays into IPv6 (6to4)
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_OPEN_6 = IPv6Network("2000::/3")
"""All that is handed out as global unicast. Outside lie ::1, ::ffff:0:0/96 and the other forms of
IPv4, NAT64 (64:ff9b::/96), unique local (fd00:ec2::254), link-local and multicast addresses."""

_CLOSED_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo, which holds an IPv4 address, and other protocols
        "2001:db8::/32",
        "2002::/16",  # 6to4, which holds an IPv4 address
        "3ffe::/16",
        "3fff::/20",
    )
)


def check_address(text: str) -> Address:
    """The IP address, if it is global unicast. Raises PrivateAddress."""
    try:
        address = ip_address(text)
    except ValueError:
        raise PrivateAddress("an address of the host cannot be read") from None
    if not _is_open(address) or not address.is_global:  # which may know of newer ones
        raise PrivateAddress("an address of the host is not a public one")
    return address


def _is_open(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in closed for closed in _CLOSED_4)
    if address.scope_id is not None or address not in _OPEN_6:
        return False
    return not any(address in closed for closed in _CLOSED_6)
