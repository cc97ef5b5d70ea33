"""A log read over HTTP, for the audit: its checkpoint, tiles, bundles and blocks."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ..notary.limits import BLOCKS_PAGE
from ..notary.ports import Row
from ..proof.block import parse_header
from ..proof.checkpoint import parse_checkpoint_text
from ..proof.errors import Malformed
from ..proof.jcs import JsonValue
from ..proof.members import read_base64, read_hex, read_list, read_object, read_text
from ..proof.note import parse_note
from .failure import Wrong
from .http import Http, Refused, read_json

_NOT_FOUND = 404
_SIDE_BY_SIDE = 8


@dataclass(slots=True)
class HttpLogReader:
    """Reads what everybody may read. The blocks come by the page and are remembered."""

    http: Http
    _rows: dict[int, Row] = field(default_factory=dict)

    def checkpoint(self) -> bytes | None:
        return self._get("/checkpoint")

    def objects(self, paths: Sequence[str]) -> list[bytes | None]:
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            return list(pool.map(lambda path: self._get(f"/{path}"), paths))

    def row(self, height: int) -> Row | None:
        if height not in self._rows and height > 0:
            self._fetch_rows(height)
        return self._rows.get(height)

    def _get(self, path: str) -> bytes | None:
        try:
            return self.http.get(path, accept="*/*").content
        except Refused as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def _fetch_rows(self, height: int) -> None:
        answer = read_json(self.http.get(f"/v1/blocks?from={height}&limit={BLOCKS_PAGE}"))
        try:
            for value in read_list(answer.get("blocks"), "blocks"):
                row = _read_row(value)
                self._rows[row.block.height] = row
        except Malformed as error:
            raise Wrong(f"the blocks from height {height}: {error}") from error


def _read_row(value: JsonValue) -> Row:
    """A published block: header and signatures are what counts, the rest repeats them."""
    members = read_object(value, "block")
    checkpoint = read_text(members.get("checkpoint"), "checkpoint").encode()
    origin = parse_checkpoint_text(parse_note(checkpoint).text).origin
    header = read_hex(members.get("header"), "header")
    return Row(
        block=parse_header(header, origin),
        staging="",
        checkpoint=checkpoint,
        signature=read_base64(members.get("signature"), "signature"),
        applied=True,
    )
