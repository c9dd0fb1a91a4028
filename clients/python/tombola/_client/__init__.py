"""The client: one description of the calls (`calls`), two thin drivers, and the objects users hold."""
