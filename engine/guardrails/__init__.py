"""What a bot may talk about and say: a policy that people can read, rails that decide, verdicts that can be opened."""
