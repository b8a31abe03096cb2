"""What a user can do, a module each. Services know hunting, estates and store by their `base` alone; `earmark.app`
hands them the rest.
"""
