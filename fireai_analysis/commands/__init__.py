"""Commands of `fireai`, one module each: they read options, call the library, and print."""
