"""Hunting: a query in, rows out, and the word whether they are all there are."""
