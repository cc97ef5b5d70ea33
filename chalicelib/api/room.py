"""A room: a Chalice blueprint that remembers the operations which it routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalice.app import Blueprint, Response

from .operation import Operation, View
from .serve import ANY_MEDIA, answer


class Room:
    def __init__(self, name: str) -> None:
        self.blueprint = Blueprint(name)
        self.operations: list[Operation] = []

    def operation(self, method: str, path: str, **described: Any) -> Callable[[View], View]:
        """Register a view; ``described`` are the other fields of its row in the table."""

        def register(view: View) -> View:
            operation = Operation(method, path, view, **described)
            self.operations.append(operation)
            # Chalice's own check of media types answers in its own form, so it is left open.
            route = self.blueprint.route(
                path, methods=[method], content_types=[ANY_MEDIA], name=operation.id
            )
            route(self._handler(operation))
            return view

        return register

    def _handler(self, operation: Operation) -> Callable[..., Response]:
        def handle(**_: str) -> Response:
            return answer(operation, self.blueprint.current_request)

        return handle
