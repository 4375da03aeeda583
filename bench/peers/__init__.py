"""What the product is measured against: the same job done the usual way."""
