"""Numbers as people say them, for sentences of the engine and the screen alike."""


def so_many(n: int, one: str, more: str = "") -> str:
    """A number of things: "1 example", "1,214 examples"; `more` where the plural is not `one` with an s."""
    return f"{n:,} {one if n == 1 else more or one + 's'}"
