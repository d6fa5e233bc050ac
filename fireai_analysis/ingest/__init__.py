"""Results of other tools become a run bundle: one module a format, recognised from content, not from a name."""
