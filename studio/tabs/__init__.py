"""One module per station of the loop, with `build`; a screen that shows what goes on without it has `signs` too."""
