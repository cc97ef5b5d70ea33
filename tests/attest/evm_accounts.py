"""eth-account, with the recursion limit left as it was.

A part of it (py_ecc) raises the limit of the whole process to 100,000. Deeply nested JSON would
then end the process, and not in the RecursionError that our readers of other people's JSON expect.
"""

from __future__ import annotations

import sys

_LIMIT = sys.getrecursionlimit()

from eth_account import Account  # noqa: E402
from eth_account.typed_transactions.typed_transaction import TypedTransaction  # noqa: E402

sys.setrecursionlimit(_LIMIT)

__all__ = ["Account", "TypedTransaction"]
