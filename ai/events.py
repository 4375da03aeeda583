"""What thinking tells browsers."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel


class InsightsReady(BaseModel):
    """The call's insights can be read, or read anew."""

    type: Literal["insights.ready"] = "insights.ready"
    call_id: UUID
