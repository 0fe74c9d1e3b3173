"""HDF5 files from strangers, read with care.

The reader here is pure Python. It knows the part of HDF5 that Keras writes, and it checks every
step against the size of the file. The HDF5 library reads everything else: compressed data, chunks
and the newer kinds of groups. The library runs in a child process, as it can hang or crash. Neither
opens anything outside the file.
"""

from ir.formats.hdf5.group import Group, open_root

SIGNATURE = b"\x89HDF\r\n\x1a\n"

__all__ = ["SIGNATURE", "Group", "open_root"]
