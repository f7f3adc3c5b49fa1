"""Other tools beside ours, each in an environment of its own: see the requirements files here."""
