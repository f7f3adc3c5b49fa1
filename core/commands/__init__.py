"""The commands of the command line: one module for each kind, with its options and what it prints."""
