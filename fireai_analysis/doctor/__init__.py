"""Whether this machine, and a target, are ready for a campaign."""
