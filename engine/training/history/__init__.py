"""Looking back at runs: the list, comparing, and repeating one from its own files."""
