"""The user's files: loaded with positions, checked, repaired, begun."""
