"""The ways to train, a module each, and what they share: rows, batches without padding, the trainer."""
