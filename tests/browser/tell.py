"""Tells what the recognisers leave out of a call's text, as its media stream does; run beside a stack with the stack's settings.

python -m tests.browser.tell CALL_ID LEVEL: see ai.listening.load.
"""

import sys
from uuid import UUID

# It comes first: it sets up Django.
from tests.browser import talk  # isort: skip

from voice.models import Call

if __name__ == "__main__":
    talk.tell(Call.objects.get(id=UUID(sys.argv[1])), int(sys.argv[2]))
