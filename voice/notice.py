"""The words that the callee hears first."""

NOTICE = (
    "Hello. This call will be written down as text by a computer while we speak. No sound is kept. "
    "If you do not want that, press any key now."
)
