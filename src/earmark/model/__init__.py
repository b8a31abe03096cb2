"""The words of the product and their laws: frozen values and pure functions, no I/O and no clock."""
