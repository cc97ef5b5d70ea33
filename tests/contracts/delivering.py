"""What the functions do for a tenant's webhook, while what they send is noted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib.api.handlers import deliver_webhooks
from chalicelib.notary.public_url import Answer
from tests.api.hooks import TARGET, Hooks
from tests.api.world import URL

if TYPE_CHECKING:
    from .test_permissions import Life

WANTED = ("document.registered", "status.changed", "job.done", "job.failed")


def deliver_all(life: Life, webhook: str) -> None:
    """What was told; and whatever a tenant may do with a webhook, dead letters included."""
    life.receivers.answers[TARGET] = Answer(410)
    with life.acting_as("deliverer"):
        deliver_webhooks()
    assert len(life.receivers.got) == 1, "the first that it is told is the last, for it is gone"
    life.receivers.answers.clear()
    with life.acting_as("api-handler"):
        hooks = Hooks(life.world)
        assert hooks.ask("GET", "").json_body["webhooks"][0]["disabled"] == "gone"
        for path in ("/enable", "/secret", "/secret/retire", "/disable", "/enable"):
            assert hooks.post(f"/{webhook}{path}").status_code == 200
        place = hooks.post(f"/{webhook}/test").headers["Location"].removeprefix(URL)
        assert hooks.ask("GET", place.removeprefix("/v1/webhooks")).json_body["state"] == "due"
        assert len(hooks.ask("GET", f"/{webhook}/dead-letters").json_body["dead_letters"]) == 1
        assert hooks.post(f"/{webhook}/replay").json_body == {"replayed": 1}
    with life.acting_as("deliverer"):
        deliver_webhooks()
    types = {json.loads(each.body)["type"] for each in life.receivers.got}
    assert types == {*WANTED, "webhook.test"}
    with life.acting_as("api-handler"):
        assert hooks.ask("DELETE", f"/{webhook}").status_code == 204
