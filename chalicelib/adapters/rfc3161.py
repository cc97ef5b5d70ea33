"""Time-stamp authorities over HTTP (RFC 3161 §3.4)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from ..notary.networks import FalseProof, Memo, NetworkRefused, Standing, Unreachable
from ..proof.block import Block
from ..proof.errors import CannotTell, Invalid, Malformed
from ..proof.members import read_base64, read_hex
from ..proof.receipt import Attestation
from ..proof.text import format_base64
from ..proof.tsp.certificate import parse_pem
from ..proof.tsp.evidence import find_signer, parse_token, rfc3161_attestation, verify_token
from ..proof.tsp.messages import (
    REQUEST_TYPE,
    RESPONSE_TYPE,
    TimeStampRefused,
    format_request,
    parse_response,
)
from .http import Http

_NONCE_BYTES = 8
_OK = 200

_new_nonce = partial(secrets.randbits, 8 * _NONCE_BYTES)


class TsaNetwork:
    """One authority. ``certificates`` (PEM, one each) are those that its tokens have to lead to;
    ``new_nonce`` gives a random number of 64 bits. Raises ValueError for a certificate that cannot
    be read.

    The memo holds ``request`` and ``nonce``, and from the answer on ``token``."""

    check: Final = "attestation:rfc3161"
    serial: Final = False

    def __init__(
        self,
        name: str,
        http: Http,
        certificates: Sequence[str],
        new_nonce: Callable[[], int] = _new_nonce,
    ) -> None:
        self.name: Final = f"rfc3161:{name}"
        for certificate in certificates:
            _check_certificate(certificate, self.name)
        self._http = http
        self._certificates = tuple(certificates)
        self._new_nonce = new_nonce

    def prepare(self, block: Block, before: Memo) -> Memo:  # noqa: ARG002
        nonce = self._new_nonce()
        return {
            "request": format_base64(format_request(block.hash, nonce)),
            "nonce": nonce.to_bytes(_NONCE_BYTES, "big").hex(),
        }

    def broadcast(self, block: Block, memo: Memo) -> Memo:
        if "token" in memo:
            return memo
        request = read_base64(memo["request"], "memo: request")
        nonce = int.from_bytes(read_hex(memo["nonce"], "memo: nonce", _NONCE_BYTES), "big")
        token = self._verified(self._ask(request), block, nonce)
        return {**memo, "token": format_base64(token)}

    def _ask(self, request: bytes) -> bytes:
        answer = self._http.post("", request, {"Content-Type": REQUEST_TYPE})
        if answer.status != _OK:
            raise Unreachable(f"the authority answered with HTTP status {answer.status}")
        if answer.media != RESPONSE_TYPE:
            raise Unreachable(f"the authority's answer is not {RESPONSE_TYPE}")
        try:
            return parse_response(answer.body)
        except TimeStampRefused as error:
            raise NetworkRefused(str(error)) from None
        except Malformed as error:
            raise Unreachable(f"the authority's answer is no TimeStampResp: {error}") from None

    def _verified(self, token: bytes, block: Block, nonce: int) -> bytes:
        """The token, if it is about the block and answers our request, by the authorities that
        the configuration names."""
        try:
            verify_token(token, block.hash, self._certificates)
            stamp = parse_token(token)
            find_signer(stamp.signed.signer, stamp.certificates)
        except (Invalid, CannotTell) as error:
            raise FalseProof(str(error)) from None
        if stamp.info.nonce != nonce:
            raise FalseProof("the time stamp answers another request: its nonce differs")
        return token

    def status(self, block: Block, memo: Memo, now_ms: int) -> Standing:  # noqa: ARG002
        return Standing("final" if "token" in memo else "dropped", memo)

    def bump(self, block: Block, memo: Memo) -> Memo:  # noqa: ARG002
        """The same: no authority makes haste for more."""
        return memo

    def proof(self, block: Block, memo: Memo) -> Attestation | None:  # noqa: ARG002
        if "token" not in memo:
            return None
        return rfc3161_attestation(read_base64(memo["token"], "memo: token"))


def _check_certificate(pem: str, name: str) -> None:
    try:
        parse_pem(pem)
    except Malformed as error:
        raise ValueError(f"{name}: a certificate cannot be read: {error}") from error
