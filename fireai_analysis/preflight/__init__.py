"""What is asked before hour one: named checks that refuse or warn, shown by `fireai run` and `fireai doctor`."""
