"""The recognition engines: each turns one stretch of 8 kHz speech into a Recognition."""
