"""kill -9 of web, worker, meter and PostgreSQL during hundreds of simulated calls; the books are then compared with the carrier's."""
