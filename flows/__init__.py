"""The dataflows, one a file."""
