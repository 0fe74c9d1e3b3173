"""Model files: what a file is, the readers of every format, and our own format.

No file is trusted.
"""
