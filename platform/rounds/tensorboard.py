"""A round's curves as TensorBoard event files, written by hand.

Decision: no library. The maintained writers (`tensorboardX`, torch's own) bring numpy and protobuf, and numpy is not
imported in web processes; what they would be used for is the framing of TFRecord and four fields of one message:

    Event   { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
    Summary { repeated Value value = 1; }   Value { string tag = 1; float simple_value = 2; }

Sources: tensorflow/core/lib/io/record_writer.cc (framing, masked CRC32C), tensorflow/core/util/event.proto,
tensorflow/core/framework/summary.proto, protobuf's encoding guide. Tests read the files back with a reader of their
own; the reader of TensorBoard 2.21.0 was tried once on 640 rows of 13 figures: every step and time, and every value
to the float32 that it is kept in.
"""

import struct
from collections.abc import Iterable, Iterator

from rounds.curves import Row

VERSION = "brain.Event:2"
# What says where a row stands; everything else in it is a figure.
PLACE = frozenset({"step", "of", "seconds"})
# Castagnoli's polynomial, its bits reversed.
POLYNOMIAL = 0x82F63B78
MASK = 0xA282EAD8
VARINT, DOUBLE, BYTES, FLOAT = 0, 1, 2, 5


def _table() -> tuple[int, ...]:
    found = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (POLYNOMIAL if byte & 1 else 0)
        found.append(byte)
    return tuple(found)


TABLE = _table()


def event_file(rows: Iterable[Row], *, began: float) -> Iterator[bytes]:
    """The records of one stage's file. `began` is when it began, in seconds of the epoch.

    The time of a row is `began` and its `seconds` of computing: a stage that was paused shows no gap.
    """
    yield record(field(1, DOUBLE, struct.pack("<d", began)) + field(3, BYTES, VERSION.encode()))
    for row in rows:
        yield record(event(row, began))


def event(row: Row, began: float) -> bytes:
    """One row as a message: its step, its time, and each figure under its own name."""
    values = [(name, value) for name, value in row.items() if name not in PLACE]
    summary = b"".join(
        field(1, BYTES, field(1, BYTES, name.encode()) + field(2, FLOAT, struct.pack("<f", value)))
        for name, value in values
    )
    when = struct.pack("<d", began + row.get("seconds", 0.0))
    return field(1, DOUBLE, when) + field(2, VARINT, varint(int(row["step"]))) + field(5, BYTES, summary)


def record(data: bytes) -> bytes:
    """Frame one message: its length, the length's checksum, itself, its checksum."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


def field(number: int, kind: int, content: bytes) -> bytes:
    """One field of a message; bytes and messages carry their length."""
    length = varint(len(content)) if kind == BYTES else b""
    return varint(number << 3 | kind) + length + content


def varint(value: int) -> bytes:
    """A whole number from 0 on, seven bits a byte, the lowest first."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def masked_crc(data: bytes) -> int:
    """CRC32C, turned by 15 bits and shifted, so that a record may hold records with their checksums."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + MASK) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """The checksum of RFC 3720, appendix B.4."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF
