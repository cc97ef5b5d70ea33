"""The service itself, for operators' commands: found as the functions find it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...notary.log import Refusal
from ...notary.ports import Busy
from ..failure import Misused, Unfinished

if TYPE_CHECKING:
    from ...bootstrap import Service


@contextmanager
def the_service() -> Iterator[Service]:
    """The service of this environment; what AWS and the log refuse becomes a sentence."""
    from botocore.exceptions import BotoCoreError, ClientError

    from ... import bootstrap

    try:
        yield bootstrap.service_from_env(os.environ)
    except (bootstrap.MissingSetting, bootstrap.MisplacedSetting) as error:
        raise Misused(str(error)) from error
    except (BotoCoreError, ClientError, Busy) as error:
        raise Unfinished(
            f"AWS: {error}. Check that it is up, the credentials and the environment"
        ) from error
    except Refusal as error:
        raise Unfinished(f"the log refuses to go on: {error}") from error
