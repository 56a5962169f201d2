"""What leaves the studio: files that run a bot elsewhere, and a card that says what they are and are not."""
