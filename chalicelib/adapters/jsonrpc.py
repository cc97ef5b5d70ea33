"""JSON-RPC to nodes of public chains (1.0 as Bitcoin Core speaks it, 2.0 as Ethereum does)."""

from __future__ import annotations

import json

from ..notary.networks import NetworkRefused, Unreachable
from ..proof.jcs import JsonValue
from ..proof.limits import INTEGER
from .http import Http


class RpcError(NetworkRefused):
    """The node answered with an error. ``message`` is the node's own text: never log it."""

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"{method} was refused with code {code}")
        self.code = code
        self.message = message


class JsonRpc:
    """One node."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def call(self, method: str, *params: JsonValue) -> JsonValue:
        """The result; raises RpcError, or Unreachable for what is no answer."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        headers = {"Content-Type": "application/json"}
        answer = self._http.post("", json.dumps(body).encode(), headers)
        try:
            # Core answers errors with a status of 404 or 500 and the same JSON.
            value = json.loads(answer.body)
            error, result = value.get("error"), value.get("result")
            if error is not None:
                raise RpcError(method, _read_code(error["code"]), str(error["message"]))
        except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as problem:
            raise Unreachable(f"{method}: the answer (HTTP {answer.status}) is no JSON-RPC") from (
                problem
            )
        checked: JsonValue = result
        return checked


def _read_code(value: object) -> int:
    """An integer (JSON-RPC 2.0 §5.1) that a sentence can hold: not 1e999, true, or "-32000"."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > INTEGER:
        raise ValueError("a code is an integer")
    return value
