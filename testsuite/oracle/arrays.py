"""Arrays of the device's types in .npy files. A bf16 array is kept as float32 that bf16 holds exactly."""
import numpy as np


def bf16_bits(array):
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16_bits(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def rounded(array, dtype):
    """The array as its type stores it, in float32."""
    array = np.asarray(array, np.float32)
    return from_bf16_bits(bf16_bits(array)).reshape(array.shape) if dtype == "bf16" else array


def write(path, array, dtype):
    if dtype == "bf16":
        np.save(path, bf16_bits(array).reshape(np.shape(array)).view("V2"))
    else:
        np.save(path, np.ascontiguousarray(array, np.float32))


def read(path, dtype):
    array = np.load(path)
    if dtype == "bf16":
        if array.dtype != np.dtype("V2"):
            raise ValueError(f"{path}: bf16 was declared, the file has {array.dtype}")
        return from_bf16_bits(np.frombuffer(array.tobytes(), np.uint16)).reshape(array.shape)
    if array.dtype != np.float32:
        raise ValueError(f"{path}: f32 was declared, the file has {array.dtype}")
    return array
