"""Whether there is a GPU to use. Importing this does not import numba's CUDA part; asking does."""

import importlib.util
from dataclasses import dataclass

from gymlab.errors import GpuUnavailableError

_INSTALL = "pip install 'gymlab[gpu]' 'numba-cuda[cu13]', or [cu12] for an older driver"


@dataclass(frozen=True)
class Availability:
    """Whether a GPU can be used; true or false as a condition.

    Attributes
    ----------
    usable
        Whether it can.
    reason
        What stands in for it (the device's name, or the simulator), or why there is none.
    """

    usable: bool
    reason: str

    def __bool__(self) -> bool:
        """Return whether a GPU can be used."""
        return self.usable


def available() -> Availability:
    """Tell whether the functions of this module can run here, and why not if they cannot.

    Returns
    -------
    Availability
        True as a condition where there is a usable device, or numba's simulator was chosen with
        ``NUMBA_ENABLE_CUDASIM=1``.

    Examples
    --------
    >>> isinstance(available().reason, str)
    True
    """
    if importlib.util.find_spec("numba_cuda") is None:
        return Availability(usable=False, reason=f"numba-cuda is not installed ({_INSTALL})")
    try:
        from numba import cuda
    except ImportError as error:
        return Availability(usable=False, reason=f"numba-cuda cannot be imported ({error})")
    if cuda.config.ENABLE_CUDASIM:
        return Availability(usable=True, reason="numba's CUDA simulator")
    if cuda.is_available():
        name = cuda.get_current_device().name
        return Availability(usable=True, reason=name.decode() if isinstance(name, bytes) else str(name))
    if failure := cuda.cuda_error():
        first_line = str(failure).strip().splitlines()[0].rstrip(".: ")
        return Availability(usable=False, reason=f"no NVIDIA driver with a device answers ({first_line})")
    return Availability(usable=False, reason=f"the CUDA libraries are missing ({_INSTALL})")


def refuse_without_gpu(name: str) -> None:
    """Raise unless a GPU can be used for the function of that name.

    Raises
    ------
    GpuUnavailableError
        If there is none; the message says why, and what runs on the processor.
    """
    if not (there := available()):
        raise GpuUnavailableError(
            f"gymlab.distance.cuda.{name} needs an NVIDIA GPU: {there.reason}; "
            f"gymlab.distance.{name} gives the same on the processor"
        )
