"""Look inside: what the layers of a network see, why it says what it says, and where pictures lie for it."""
