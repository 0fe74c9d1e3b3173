"""HDF5 files from strangers, read with care.

The reader here knows the part of HDF5 in which Keras writes; all of it is Python, and every step is checked against the
size of the file. What else a file may hold (compressed or chunked data, the newer kinds of groups) the HDF5 library
reads in a process of its own, as it can hang or crash. Nothing outside the file is opened either way.
"""

from ir.formats.hdf5.group import Group, opened

SIGNATURE = b"\x89HDF\r\n\x1a\n"

__all__ = ["SIGNATURE", "Group", "opened"]
