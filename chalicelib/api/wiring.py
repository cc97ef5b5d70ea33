"""The service that the routes and handlers use: built from the environment when first needed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..bootstrap import Service

_service: Service | None = None


def service() -> Service:
    """One per process, so that connections and caches live as long as the sandbox."""
    global _service
    if _service is None:
        from ..bootstrap import service_from_env

        _service = service_from_env(os.environ)
    return _service


def use(replacement: Service | None) -> None:
    """Put another service in its place, or, with None, build it anew when next needed."""
    global _service
    _service = replacement
