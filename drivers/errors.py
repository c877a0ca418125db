"""What can go wrong with a device, split by what the caller does next."""


class DeviceError(Exception):
    """Anything a device or its wire did wrong. The text names the device, its address and its port."""


class NoAnswer(DeviceError):
    """Nothing came back in time, or the port itself is gone: ask again later."""


class BadFrame(DeviceError):
    """Something came back that is not an answer to the question: ask again."""


class Refused(DeviceError):
    """The device understood and said no: do not repeat the same order."""


class Implausible(DeviceError):
    """A well-formed value that cannot be true: keep the old value and its age."""


class NotWritten(DeviceError):
    """Firmware was not written. `code`: no_answer, refused, bad_image, check_failed, wrong_version or
    still_in_boot_loader; the text says at which block and attempt, and how the controller was left."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
