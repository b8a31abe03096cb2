"""Where devices, their tags and events live: `base` says what an estate is, a package each implements it."""
