"""The words that a machine speaks in a call, and the keys that they offer."""

# Any other key refuses the transcript alone: who presses something wants less, and never more.
OPT_OUT_KEY = "9"

NOTICE = (
    "Hello. This call will be written down as text by a computer while we speak. No sound is kept. "
    "If you do not want that, press 1 now. If you do not want to be called by us again, press 9."
)
# To the lead, whom the credits do not concern.
CLOSING_LINE = "We are sorry, this call ends now. Thank you, and goodbye."
# To the rep.
CREDITS_END_LINE = "Your credits are used up, so the call has ended. You can buy more on the credits page."
SHUT_OUT_LINE = "The call has ended, because you may not call for this workspace any more."
LONGEST_CALL_LINE = "The call has ended, because it was as long as it may be."
