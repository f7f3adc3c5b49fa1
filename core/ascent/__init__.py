"""Ideal images: what a network thinks that a class looks like, drawn by following the gradient of its own answer."""
