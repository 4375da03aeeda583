"""Events out to browsers."""
