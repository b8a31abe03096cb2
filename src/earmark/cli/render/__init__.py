"""What people read in a terminal. Device names, tags and cells are hostile: every text passes through
`text.printable`.
"""
