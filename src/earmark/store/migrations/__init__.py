"""The steps by which a state of an older version becomes one of this version."""
