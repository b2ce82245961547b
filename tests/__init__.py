"""The tests, in the shape of the product: one folder per package, one cast for all."""
