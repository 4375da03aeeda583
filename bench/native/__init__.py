"""The limit: the same job with nothing around it."""
