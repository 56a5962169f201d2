"""How to train: the settings with their help, recipes in plain words, own ones, and what they come to for data."""
