"""The one-machine default: PostgreSQL, Valkey and every process of the product, started and supervised."""
