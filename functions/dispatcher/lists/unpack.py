"""
Compressed lists unpacked as a stream, in pieces.

Pure. A few kilobytes can hold gigabytes, so nothing here ever asks a library for all of it, and
what grows beyond all proportion ends.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

_PIECE = 256 * 1024  # bytes that are unpacked at a time
_MAX_RATIO = 250  # of lists; URLs are packed to a tenth, hardly ever to a fiftieth
_PROPORTIONATE = 64 * 1024 * 1024  # bytes; up to here any ratio is fine
_WINDOW_LOG_MAX = 26  # 64 MB of memory: `zstd --ultra -21` still fits
_WINDOW = "too much memory"  # what zstd says of a larger one


class DamagedListError(Exception):
    """A list ends before its end. What was yielded before is sound."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def unpacked(chunks: Iterable[bytes], suffix: str) -> Iterator[bytes]:
    """
    Yield what `chunks` hold, in pieces of bounded size.

    Args:
        chunks: Of the packed list.
        suffix: `.gz` or `.zst`; may be made of several members or frames.

    Raises:
        DamagedListError: it breaks off or is not in that format, or is a bomb.
    """
    name = suffix.removeprefix(".")
    new, error, padding = _gzip() if suffix == ".gz" else _zstd()
    decompressor = new()
    taken = given = 0
    begun = False
    for chunk in chunks:
        taken += len(chunk)
        data = chunk
        while data or not decompressor.needs_input:
            if decompressor.eof:
                data = data.lstrip(padding)
                if not data:
                    break
                decompressor = new()
            begun = True
            try:
                piece = decompressor.decompress(data, _PIECE)
            except error as problem:
                if _WINDOW in str(problem):
                    mib = 2**_WINDOW_LOG_MAX // 2**20
                    raise DamagedListError(
                        f"the {name} takes more than {mib} MiB of memory to unpack; "
                        "pack it without --long"
                    ) from problem
                raise DamagedListError(f"the {name} is damaged here") from problem
            data = decompressor.unused_data if decompressor.eof else b""
            given += len(piece)
            if given > max(_PROPORTIONATE, taken * _MAX_RATIO):
                raise DamagedListError(
                    f"the {name} unpacks to more than {_MAX_RATIO} times its size here; "
                    "it is not read on"
                )
            if piece:
                yield piece
    if begun and not decompressor.eof:
        raise DamagedListError(f"the {name} breaks off here: the file is not complete")


_Codec = tuple[Callable[[], _Decompressor], type[Exception], bytes]


def _gzip() -> _Codec:
    from isal import igzip_lib, isal_zlib  # noqa: PLC0415 -- for lists that are packed so

    errors: Any = igzip_lib.IsalError, isal_zlib.error
    return lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP), errors, b"\0"


def _zstd() -> _Codec:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415
    except ImportError:  # before Python 3.14
        from backports import zstd  # type: ignore[no-redef,unused-ignore] # noqa: PLC0415

    options = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX}
    return lambda: zstd.ZstdDecompressor(options=options), zstd.ZstdError, b""
