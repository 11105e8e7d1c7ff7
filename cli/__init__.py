"""The `gamewax` commands, one file each, and the wiring of processes."""
