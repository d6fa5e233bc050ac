"""Pure functions from recorded frames to figures: no file is read or written here, and nothing is judged."""
