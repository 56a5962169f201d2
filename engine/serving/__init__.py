"""Bots and how they talk: the folder (`bots`), a round of talk (`conversation`), a server, its clients, demo links."""
