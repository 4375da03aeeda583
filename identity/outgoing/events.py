"""What webhooks tell browsers."""

from typing import Literal

from pydantic import BaseModel


class WebhooksChanged(BaseModel):
    """One of the workspace's endpoints was switched off; which, those who may see them ask for."""

    type: Literal["webhooks.changed"] = "webhooks.changed"
