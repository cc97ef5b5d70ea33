"""Which URLs and which addresses the service goes to when strangers name them."""

from __future__ import annotations

import pytest

from chalicelib.notary.limits import PUBLIC_URL_CHARACTERS
from chalicelib.notary.public_url import (
    ClosedPort,
    MalformedPublicUrl,
    NotADomain,
    NotHttps,
    NotReached,
    PrivateAddress,
    PublicUrl,
    check_address,
    parse_public_url,
)

GOOD_URLS = {
    "https://university.example": PublicUrl("university.example", 443, "/"),
    "https://university.example/": PublicUrl("university.example", 443, "/"),
    "https://university.example:443/x": PublicUrl("university.example", 443, "/x"),
    "https://a.b.c.university.example/hooks/tally?key=1&x=%20": PublicUrl(
        "a.b.c.university.example", 443, "/hooks/tally?key=1&x=%20"
    ),
    "https://university.example?q=1": PublicUrl("university.example", 443, "/?q=1"),
    "https://xn--fiq228c.xn--fiqs8s/did.json": PublicUrl(
        "xn--fiq228c.xn--fiqs8s", 443, "/did.json"
    ),
    "https://1.2.3.university/": PublicUrl("1.2.3.university", 443, "/"),
    "https://127.0.0.1.nip.example/": PublicUrl("127.0.0.1.nip.example", 443, "/"),
}


@pytest.mark.parametrize("text", GOOD_URLS)
def test_a_url_of_a_domain_has_parts(text: str) -> None:
    assert parse_public_url(text) == GOOD_URLS[text]


IP_HOSTS = (
    "127.0.0.1",
    "169.254.169.254",
    "8.8.8.8",
    "2130706433",  # 127.0.0.1 as one number
    "2852039166",  # 169.254.169.254 as one number
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.0x0.0x0.0x1",
    "127.0.0.0x1",
    "0177.0.0.1",
    "017700000001",
    "0251.0376.0251.0376",
    "127.1",
    "127.0.1",
    "0",
    "0.0.0.0",
    "127.0.0.1.",
    "127.0.0.01",
    "1.2.3.4.5",
    "169.254.43518",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:a9fe:a9fe]",
    "[::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[2001:0:a9fe:a9fe::]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[2606:4700::1111]",
    "[0:0:0:0:0:ffff:169.254.169.254]",
    "::1",
)
OTHER_HOSTS = (
    "localhost",
    "localhost.",
    "metadata",
    "com",
    "",
    ".",
    "university.example.",
    ".university.example",
    "university..example",
    "-university.example",
    "university-.example",
    "univer_sity.example",
    "University.example",
    "university.EXAMPLE",
    "university.e",
    "university.1example",
    "univ%65rsity.example",
    "%31%32%37.0.0.1",
    "大学.example",
    "university。example",
    "①②⑦.⓪.⓪.①",
    "１２７.0.0.1",
    "university.example%00",
    "user@university.example",
    "user:secret@university.example",
    "university.example@169.254.169.254",
    "169.254.169.254#@university.example",
    "university.example\\@169.254.169.254",
    "university.example\t",
    "university.example ",
    " university.example",
    "x" * 64 + ".example",
    ".".join(["x" * 60] * 5) + ".example",
)


@pytest.mark.parametrize("host", [*IP_HOSTS, *OTHER_HOSTS])
def test_a_host_that_is_no_domain_is_refused(host: str) -> None:
    with pytest.raises(NotADomain):
        parse_public_url(f"https://{host}/latest/meta-data")


@pytest.mark.parametrize("host", IP_HOSTS)
def test_so_it_is_with_a_port(host: str) -> None:
    with pytest.raises(NotADomain):
        parse_public_url(f"https://{host}:443/")


OTHER_URLS = {
    "http://university.example/": NotHttps,
    "HTTPS://university.example/": NotHttps,
    "file:///etc/passwd": NotHttps,
    "ftp://university.example/": NotHttps,
    "gopher://university.example/": NotHttps,
    "javascript:alert(1)": NotHttps,
    "https+unix://university.example/": NotHttps,
    "": MalformedPublicUrl,
    "university.example": MalformedPublicUrl,
    "//university.example/": MalformedPublicUrl,
    "https:/university.example/": MalformedPublicUrl,
    "https:university.example": MalformedPublicUrl,
    "https:\\\\university.example\\": MalformedPublicUrl,
    "https://university.example/#fragment": MalformedPublicUrl,
    "https://university.example/a b": MalformedPublicUrl,
    "https://university.example/\r\nHost: localhost": MalformedPublicUrl,
    "https://university.example/x\n": MalformedPublicUrl,
    "https://university.example/\x00": MalformedPublicUrl,
    "https://university.example/证书": MalformedPublicUrl,
    "https://university.example/\\..": MalformedPublicUrl,
    "https://university.example:0443/": MalformedPublicUrl,
    "https://university.example:/": MalformedPublicUrl,
    "https://university.example:100000/": MalformedPublicUrl,
    "https://university.example:443:443/": NotADomain,
    "https://university.example:+443/": NotADomain,
    "https://university.example:80/": ClosedPort,
    "https://university.example:22/": ClosedPort,
    "https://university.example:8443/": ClosedPort,
    "https://university.example:65979/": ClosedPort,  # 443 + 65536
}


@pytest.mark.parametrize("text", OTHER_URLS)
def test_another_url_is_refused_by_name(text: str) -> None:
    with pytest.raises(OTHER_URLS[text]):
        parse_public_url(text)


def test_a_port_may_be_allowed() -> None:
    assert parse_public_url("https://university.example:8443/", {8443}).port == 8443
    with pytest.raises(ClosedPort):
        parse_public_url("https://university.example/", {8443})


def test_a_url_has_an_end() -> None:
    text = "https://university.example/".ljust(PUBLIC_URL_CHARACTERS, "x")
    assert len(parse_public_url(text).target) == PUBLIC_URL_CHARACTERS - 26
    with pytest.raises(MalformedPublicUrl):
        parse_public_url(text + "x")


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8",
        "1.1.1.1",
        "99.255.255.255",
        "100.128.0.1",
        "172.15.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2a00:1450:4001:830::200e",
        "2001:4860:4860::8888",
        "2600:1f18::1",
    ],
)
def test_a_public_address_is_used(text: str) -> None:
    assert str(check_address(text)) == text


PRIVATE = (
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.0.1",
    "169.254.169.253",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.8",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::a9fe:a9fe",
    "100::1",
    "1fff:ffff::1",
    "2001::1",
    "2001:0:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2002:808:808::1",
    "3ffe::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::23",
    "fd00:ec2::254",
    "fd12:3456:789a::1",
    "fe80::1",
    "fe80::1%eth0",
    "fe80::a9fe:a9fe",
    "2606:4700:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
)
NO_ADDRESSES = (
    "",
    "0177.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "localhost",
    "::g",
    "8.8.8.8 ",
)


@pytest.mark.parametrize("text", [*PRIVATE, *NO_ADDRESSES])
def test_an_address_that_is_not_public_is_refused(text: str) -> None:
    with pytest.raises(PrivateAddress):
        check_address(text)


def every_refusal() -> list[str]:
    texts = []
    for url in [*OTHER_URLS, *(f"https://{host}/" for host in (*IP_HOSTS, *OTHER_HOSTS))]:
        with pytest.raises(NotReached) as refused:
            parse_public_url(url)
        texts.append(str(refused.value))
    for text in PRIVATE:
        with pytest.raises(NotReached) as refused:
            check_address(text)
        texts.append(str(refused.value))
    return texts


def test_what_is_refused_is_not_repeated() -> None:
    """Neither passwords in URLs nor the addresses of our own network are told to anybody."""
    said = " ".join(every_refusal())
    for secret in ("secret", "169.254", "user", "passwd", "ec2", "10.0.0"):
        assert secret not in said


def test_each_refusal_has_its_own_name() -> None:
    kinds: list[type[NotReached]] = [NotReached, *NotReached.__subclasses__()]
    assert len({kind.name for kind in kinds}) == len(kinds) == 12
