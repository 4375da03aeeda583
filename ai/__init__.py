"""Listening (speech to text) and thinking (passages, answers, insights)."""

import os

# ONNX Runtime reports its use to its maker otherwise, and keeps such reports in the user's folder. It reads this where it is
# imported, which only modules below do; its own switch for it comes too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
