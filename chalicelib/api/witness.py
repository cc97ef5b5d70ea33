"""``POST /add-checkpoint``: this deployment as a witness of other logs (C2SP tlog-witness).

Nobody needs an account: a request speaks for itself by the signature of a log that is witnessed.
"""

from __future__ import annotations

from ..notary.witnessing import SizeConflict, add_checkpoint
from ..proof.limits import ADD_CHECKPOINT_BYTES
from ..proof.tlogwitness import format_size
from . import media
from .operation import Call
from .problems import Problem
from .request import NOT_STORED, Reply
from .room import Room

room = Room(__name__)


@room.operation(
    "POST",
    "/add-checkpoint",
    summary="Have the checkpoint of a witnessed log cosigned (C2SP tlog-witness)",
    gives={200: (media.TEXT,), 409: (media.TLOG_SIZE,)},
    problems=(
        "no-witness",
        "too-many-bytes",
        "malformed-checkpoint",
        "unknown-log",
        "not-signed-by-log",
        "inconsistent-checkpoint",
        "outcome-unknown",
    ),
)
def cosign_checkpoint(call: Call) -> Reply:
    """Any Content-Type is taken: the specification names none."""
    witness = call.service.witness
    if witness is None:
        raise Problem("no-witness")
    call.request.limit(ADD_CHECKPOINT_BYTES)
    try:
        lines = add_checkpoint(
            call.request.body, witness.states, witness.signer, witness.name, call.now_ms // 1000
        )
    except SizeConflict as conflict:
        return Reply(409, media.TLOG_SIZE, format_size(conflict.size), NOT_STORED)
    return Reply(200, media.TEXT, lines, NOT_STORED)
