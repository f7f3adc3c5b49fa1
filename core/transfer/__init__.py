"""How far pictures are from those that a network learned from, and how well it can be taught them."""
