"""The networks that files of weights alone can be read into, by name."""

from ir.formats.keras.architectures import ARCHITECTURES, Architecture, Head

__all__ = ["ARCHITECTURES", "Architecture", "Head"]
