"""What nerve raises. Each is a subclass of the builtin one would catch anyway."""

from __future__ import annotations


class ShapeError(ValueError):
    """Arrays whose ranks or sizes do not fit the operation or each other."""


class DTypeError(TypeError):
    """An array of a type the operation cannot compute with."""


class DeviceError(RuntimeError):
    """Arrays that live on different devices, or a device that is not there."""


class RecordingError(RuntimeError):
    """Code that a recorded function cannot hold, such as reading a value that is another one in every run."""


class ModelFileError(ValueError):
    """A file that is not a whole, unaltered nerve model."""
