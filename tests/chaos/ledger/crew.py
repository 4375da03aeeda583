"""`python -m tests.chaos.ledger.crew WORKSPACES REPS`: so many workspaces with so many signed-in reps each, as lines of JSON.

Run beside a stack with the stack's settings. From one network the product texts ten passcodes an hour, so that a crew cannot
come in by the front door; the product's own operations open its accounts and sessions.
"""

import json
import os
import sys
from datetime import UTC, datetime

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from compliance import policy  # noqa: E402 - needs the settings
from identity.access import Client  # noqa: E402
from identity.models import User  # noqa: E402
from identity.operations import add_member, create_verified_user  # noqa: E402
from identity.schemas import SignUpIn  # noqa: E402
from identity.sessions import SessionStore  # noqa: E402


def hire(workspaces: int, reps: int) -> None:
    client, now = Client(address="", agent="chaos"), datetime.now(UTC)
    for number in range(workspaces * reps):
        form = SignUpIn.model_validate(
            {
                "first_name": "Rep",
                "last_name": f"Number {number}",
                "email": f"rep-{number}@chaos.example",
                "mobile": f"+1202555{100 + number:04}",
                "password": "calm-harbour-lantern-42",
                "sms_consent": True,
                "policy_version": policy.current_version(),
                "policy_accepted": True,
                "transfer_consent": True,
            }
        )
        if number % reps == 0:
            owner = member = create_verified_user(form=form, client=client, now=now)
        else:
            member = add_member(workspace_id=owner.workspace_id, form=form, role="rep", client=client, now=now)
        User.objects.filter(id=member.user_id, mobile_verified_at__isnull=True).update(mobile_verified_at=now)
        session = SessionStore()
        session.begin(user=member.user, membership=member, client=client, now=now)
        session.phone_verified(now=now)
        hired = {
            "workspace_id": str(member.workspace_id),
            "session": session.session_key,
            "mobile": member.user.mobile_e164,
        }
        print(json.dumps(hired), flush=True)  # noqa: T201 - what the harness reads


if __name__ == "__main__":
    hire(int(sys.argv[1]), int(sys.argv[2]))
