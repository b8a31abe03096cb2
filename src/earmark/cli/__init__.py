"""The command line: a module for each command, `render/` for what people read, `main` for the door."""
