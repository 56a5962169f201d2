"""One module per station of the loop, each with `build(workspace, tick)`."""
