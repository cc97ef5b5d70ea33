"""A registrar at work: files in a directory, and the ``tally`` command run on them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from click.testing import CliRunner, Result

from chalicelib.cli.journal import Signed, open_journal
from chalicelib.cli.main import main
from chalicelib.notary.outside import Outside
from chalicelib.notary.own_policy import own_policy
from chalicelib.notary.ports import Issuer, IssuerKey
from chalicelib.proof.keys import parse_jwk
from chalicelib.proof.receipt import Receipt, parse_receipt
from chalicelib.proof.statement import SignedStatement, parse_entry
from chalicelib.proof.tiles import Bundle, parse_bundle
from tests.cli.front import Front

UNIVERSITY = "did:web:university.example"


def tally(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def tally_json(*arguments: object) -> dict[str, Any]:
    """The one object on standard output."""
    return cast(dict[str, Any], json.loads(tally(*arguments, "--json").stdout))


@dataclass
class Desk:
    """A directory with documents, and an issuer whose key the service knows."""

    path: Path
    front: Front

    def __post_init__(self) -> None:
        self.path.mkdir()
        self.key = self.path / "key.json"
        self.out = self.path / "receipts"
        self.policy = self.path / "policy.json"
        made = tally_json("keys", "new", "--issuer", UNIVERSITY, "--out", self.key)
        self.register(made["jwk"])
        service = self.front.service
        policy = own_policy(service.log.vkey, service.registry.issuers(), Outside())
        self.policy.write_text(json.dumps(policy))

    def register(self, jwk: object) -> None:
        key = IssuerKey(parse_jwk(jwk), 0)
        names = {"en": "University", "zh": "大学"}
        self.front.service.registry.put_issuer(Issuer(UNIVERSITY, "university", names, (key,)))

    def write(self, name: str, data: bytes) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    @property
    def documents(self) -> list[Path]:
        return sorted(path for path in self.path.glob("*.json") if self._is_document(path))

    def _is_document(self, path: Path) -> bool:
        return not path.name.startswith(("key", "policy"))

    def order(self, *files: Path, **options: object) -> list[object]:
        """The arguments of ``tally notarise``; ``options`` replace those that are usual."""
        usual: dict[str, object] = {
            "profile": "education/diploma",
            "out": self.out,
            "key": self.key,
            "url": self.front.url,
            **options,
        }
        flags = [part for name, value in usual.items() for part in (f"--{name}", value)]
        return ["notarise", *(files or self.documents), *flags]

    def notarise(self, *files: Path, **options: object) -> Result:
        return tally(*self.order(*files, **options))

    def receipt_path(self, name: str) -> Path:
        return self.out / f"{name}.receipt.json"

    def receipt(self, name: str) -> Receipt:
        return parse_receipt(self.receipt_path(name).read_bytes())

    def journal(self) -> list[Signed]:
        with open_journal(self.out) as journal:
            return journal.signed

    def registered(self) -> list[SignedStatement]:
        """Every statement in the log, in order."""
        log = self.front.service.log
        head = log.chain.head()
        assert head is not None
        statements = []
        for start in range(0, head.block.size, 256):
            width = min(256, head.block.size - start)
            data = log.tiles.get(Bundle(start // 256, width).path)
            assert data is not None
            entries = (parse_entry(entry) for entry in parse_bundle(data, width))
            statements += [entry for entry in entries if isinstance(entry, SignedStatement)]
        return statements
