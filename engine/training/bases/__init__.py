"""Base models to train on: which one to take on this machine, and deleting one that was downloaded."""
