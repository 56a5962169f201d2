"""Numbers as people say them, for sentences of the engine and the screen alike."""


def so_many(n: int, one: str, more: str = "") -> str:
    """A number of things: "1 example", "1,214 examples"; `more` where the plural is not `one` with an s."""
    return f"{n:,} {one if n == 1 else more or one + 's'}"


def so_large(size: int) -> str:
    """A size in bytes: "85 kB", "269 MB", "16.1 GB", counted in thousands as hubs and disks do."""
    if size < 1e6:
        return f"{max(1, round(size / 1e3))} kB" if size else "0 kB"
    return f"{size / 1e6:,.0f} MB" if size < 1e9 else f"{size / 1e9:,.1f} GB"
