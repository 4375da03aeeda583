"""Garbage collection in processes whose answers people wait for."""

import gc


def spare_the_application_from_collection() -> None:
    """What a process consists of once it is loaded is never garbage, and a full collection of it would stop everything for a third
    of a second."""
    gc.collect()
    gc.freeze()
