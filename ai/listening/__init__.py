"""From a telephone's audio to words, on this machine alone. Pure: imports no Django, keeps no audio, logs no text."""
