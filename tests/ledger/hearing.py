"""What the pages of a workspace hear on their sockets' topic."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import get_channel_layer

from realtime.publish import Topic, own_group

_WITHIN_S = 30


def heard(workspace_id: UUID, act: Callable[[], Any], *, kind: str) -> str:
    """The first event of this kind after the act, as it is sent. Raises TimeoutError: there was none."""
    layer: Any = get_channel_layer()
    group = Topic.workspace(workspace_id).name

    async def listen() -> str:
        channel = await layer.new_channel("hub")
        for joined in (group, own_group(channel)):
            await layer.group_add(joined, channel)
        await sync_to_async(act)()
        try:
            async with asyncio.timeout(_WITHIN_S):
                while True:
                    for told in (await layer.receive(channel))["news"]:
                        if f'"type":"{kind}"' in (text := str(told.get("text"))):
                            return text
        finally:
            for joined in (group, own_group(channel)):
                await layer.group_discard(joined, channel)

    return async_to_sync(listen)()
