"""Earmark keeps the tags on a company's machines true."""
