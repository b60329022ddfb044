"""Stands for ttnn 0.81 where there is no card: the part that host.py uses, with the real names and signatures, strict about types.

generic_op runs nothing: it records the program as JSON in the file that FAKE_TTNN_LOG names, and fills what the kernel writes, the last
tensors, with the numbers of their elements modulo 251, so that a test sees whether they are cropped and stored right. FAKE_TTNN_GRID=x,y is
the device's grid of cores (default 8,8), FAKE_TTNN_L1 its bytes of L1 for buffers.
"""

import enum
import json
import os

import numpy as np

from . import _ttnn

TILE = 32


def check(condition, message):
    if not condition:
        raise TypeError(f"fake ttnn: {message}")


def check_u32(values, what):
    check(isinstance(values, (list, tuple)), f"{what} must be a list")
    for value in values:
        check(type(value) is int and 0 <= value < 2**32, f"{what}: {value!r} is no uint32")


class DataType(enum.Enum):
    BFLOAT16 = 0
    FLOAT32 = 1
    UINT32 = 2
    BFLOAT8_B = 3
    BFLOAT4_B = 4
    UINT8 = 5
    UINT16 = 6
    INT32 = 7


bfloat16, float32, uint32 = DataType.BFLOAT16, DataType.FLOAT32, DataType.UINT32
bfloat8_b, bfloat4_b, uint16, int32 = DataType.BFLOAT8_B, DataType.BFLOAT4_B, DataType.UINT16, DataType.INT32
uint8 = DataType.UINT8

TILE_BYTES = {
    bfloat16: 2048,
    float32: 4096,
    uint32: 4096,
    bfloat8_b: 1088,
    bfloat4_b: 576,
    uint8: 1024,
    uint16: 2048,
    int32: 4096,
}
ARRAYS = {
    bfloat16: np.float32,
    float32: np.float32,
    bfloat8_b: np.float32,
    bfloat4_b: np.float32,
    uint32: np.uint32,
    uint8: np.uint8,
    uint16: np.uint16,
    int32: np.int32,
}
CONVERTED = (bfloat16, bfloat8_b, bfloat4_b)  # numpy has no such type


def tile_size(data_type):
    return TILE_BYTES[data_type]


class Layout(enum.Enum):
    ROW_MAJOR = 0
    TILE = 1


TILE_LAYOUT, ROW_MAJOR_LAYOUT = Layout.TILE, Layout.ROW_MAJOR


class BufferType(enum.Enum):
    DRAM = 0
    L1 = 1


class ShardOrientation(enum.Enum):
    ROW_MAJOR = 0
    COL_MAJOR = 1


class ShardDistributionStrategy(enum.Enum):
    ROUND_ROBIN_1D = 0
    GRID_2D = 1
    CONTIGUOUS_1D = 2


class NdShardSpec:
    def __init__(
        self,
        shard_shape,
        grid,
        orientation=ShardOrientation.ROW_MAJOR,
        shard_distribution_strategy=ShardDistributionStrategy.ROUND_ROBIN_1D,
    ):
        check(isinstance(shard_shape, Shape) and isinstance(grid, CoreRangeSet), "NdShardSpec: shape and grid")
        check(
            isinstance(orientation, ShardOrientation)
            and isinstance(shard_distribution_strategy, ShardDistributionStrategy),
            "NdShardSpec: orientation and strategy",
        )
        self.shard_shape, self.grid = shard_shape.extents, grid
        self.orientation, self.strategy = orientation, shard_distribution_strategy
        check(
            all(extent % TILE == 0 for extent in self.shard_shape[-2:]),
            f"NdShardSpec: {self.shard_shape} is not whole tiles",
        )


class MemoryConfig:
    def __init__(self, buffer_type, nd_shard_spec=None):
        check(isinstance(buffer_type, BufferType), "MemoryConfig: buffer_type")
        check(nd_shard_spec is None or isinstance(nd_shard_spec, NdShardSpec), "MemoryConfig: nd_shard_spec")
        self.buffer_type, self.nd_shard_spec = buffer_type, nd_shard_spec

    def describe(self):
        shards = self.nd_shard_spec
        if not shards:
            return [self.buffer_type.name]
        order = [
            word.name
            for word in (shards.orientation, shards.strategy)
            if word.value  # those that are not the default
        ]
        return [self.buffer_type.name, list(shards.shard_shape), len(shards.grid.cores()), *order]


DRAM_MEMORY_CONFIG, L1_MEMORY_CONFIG = MemoryConfig(BufferType.DRAM), MemoryConfig(BufferType.L1)


class MathFidelity(enum.Enum):
    LoFi = 0
    HiFi2 = 2
    HiFi3 = 3
    HiFi4 = 4


class UnpackToDestMode(enum.Enum):
    UnpackToDestFp32 = 0
    Default = 1


class Shape:
    def __init__(self, shape):
        check(all(type(extent) is int and extent > 0 for extent in shape), f"Shape({shape!r})")
        self.extents = tuple(shape)


class CoreCoord:
    def __init__(self, x, y):
        check(type(x) is int and type(y) is int and x >= 0 and y >= 0, f"CoreCoord({x!r}, {y!r})")
        self.x, self.y = x, y


class CoreRange:
    def __init__(self, start, end):
        check(isinstance(start, CoreCoord) and isinstance(end, CoreCoord), "CoreRange takes two CoreCoord")
        check(start.x <= end.x and start.y <= end.y, "CoreRange: the end lies before the start")
        self.start, self.end = start, end


class CoreRangeSet:
    def __init__(self, core_ranges):
        check(
            core_ranges and all(isinstance(item, CoreRange) for item in core_ranges),
            "CoreRangeSet takes CoreRange",
        )
        self.core_ranges = list(core_ranges)

    def cores(self):
        return [
            (x, y)
            for item in self.core_ranges
            for y in range(item.start.y, item.end.y + 1)
            for x in range(item.start.x, item.end.x + 1)
        ]


class Device:
    def __init__(self, number):
        self.number, self.open, self.next_address = number, True, 0x10000
        self.l1_free = int(os.environ.get("FAKE_TTNN_L1", "1393312"))  # of each core

    def take_l1(self, size):
        if size > self.l1_free:
            raise RuntimeError(
                "TT_FATAL @ bank_manager.cpp:514: false\ninfo:\nOut of Memory: Not enough space to allocate L1 buffer, "
                f"where each bank needs to store {size} B (free: {self.l1_free} B).\nbacktrace:\n"
            )
        self.l1_free -= size

    def compute_with_storage_grid_size(self):
        x, y = os.environ.get("FAKE_TTNN_GRID", "8,8").split(",")
        return CoreCoord(int(x), int(y))

    def worker_core_from_logical_core(self, logical_core):
        check(isinstance(logical_core, CoreCoord), "worker_core_from_logical_core takes a CoreCoord")
        grid = self.compute_with_storage_grid_size()
        check(logical_core.x < grid.x and logical_core.y < grid.y, "worker_core_from_logical_core: off the grid")
        return CoreCoord(18 + logical_core.x, 18 + logical_core.y)

    def dram_grid_size(self):
        return CoreCoord(12, 1)


def open_device(*, device_id):
    check(type(device_id) is int, "device_id must be an integer")
    return Device(device_id)


def close_device(device):
    check(isinstance(device, Device) and device.open, "the device is not open")
    device.open = False


class MemoryView:
    def __init__(self, free):
        self.largest_contiguous_bytes_free_per_bank = free


def get_memory_view(device, buffer_type):
    check(isinstance(device, Device) and buffer_type is BufferType.L1, "get_memory_view of L1 of a device")
    return MemoryView(device.l1_free)


class HostArray:
    """What to_numpy returns: only from_dlpack takes it."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class Tensor:
    """Made from an array. On the device, what numpy has no type for is packed there, into interleaved pages only."""

    def __init__(self, data, data_type, device=None, layout=ROW_MAJOR_LAYOUT, memory_config=DRAM_MEMORY_CONFIG):
        if device is not None and memory_config.nd_shard_spec and data_type in CONVERTED:
            raise RuntimeError("parse_py_tensor: ndarray_import failed.")
        self.place(data, data_type, device, layout, memory_config)

    @classmethod
    def placed(cls, *facts):
        tensor = cls.__new__(cls)
        tensor.place(*facts)
        return tensor

    def place(self, data, data_type, device, layout, memory_config):
        check(isinstance(data, np.ndarray) and data.flags["C_CONTIGUOUS"], "Tensor takes a contiguous array")
        check(
            isinstance(data_type, DataType) and data.dtype == ARRAYS[data_type],
            f"Tensor: {data.dtype} as {data_type}",
        )
        check(
            layout in (TILE_LAYOUT, ROW_MAJOR_LAYOUT) and isinstance(memory_config, MemoryConfig),
            "Tensor: layout and memory",
        )
        check(data.ndim >= 2 and data.size > 0, f"Tensor: shape {data.shape}")
        check(
            layout == ROW_MAJOR_LAYOUT or (data.shape[-1] % TILE == 0 and data.shape[-2] % TILE == 0),
            f"Tensor: shape {data.shape} is not whole tiles",
        )
        shards = memory_config.nd_shard_spec
        check(
            shards is None or len(shards.shard_shape) == data.ndim,
            f"Tensor: shards of another rank than {data.shape}",
        )
        self.data, self.data_type, self.device, self.layout, self.memory_config = (
            data,
            data_type,
            device,
            layout,
            memory_config,
        )
        if device is not None:
            check(isinstance(device, Device) and device.open, "Tensor: the device is not open")
            if memory_config.buffer_type is BufferType.L1:
                device.take_l1(self.bytes_of_a_bank())
            self.address = device.next_address
            device.next_address += -(-data.size // (TILE * TILE)) * TILE_BYTES[data_type]
            check(
                layout == TILE_LAYOUT or (data_type not in (bfloat8_b, bfloat4_b) and shards is None),
                "pages of rows of block formats, or in shards",
            )

    def page_bytes(self):
        """A tile, or a row up to the next multiple of 64 bytes."""
        if self.layout == TILE_LAYOUT:
            return TILE_BYTES[self.data_type]
        return -(-self.data.shape[-1] * TILE_BYTES[self.data_type] // (TILE * TILE) // 64) * 64

    def bytes_of_a_bank(self):
        """Interleaved, tiles go round all cores; with shards each has one."""
        shards = self.memory_config.nd_shard_spec
        grid = self.device.compute_with_storage_grid_size()
        elements = np.prod(shards.shard_shape) if shards else self.data.size / (grid.x * grid.y)
        return -(-int(elements) // (TILE * TILE)) * TILE_BYTES[self.data_type]

    @property
    def dtype(self):
        return self.data_type

    def buffer_address(self):
        check(self.device is not None, "buffer_address of a tensor on the host")
        return self.address

    def cpu(self):
        return Tensor.placed(self.data, self.data_type, None, self.layout, self.memory_config)

    def to(self, target, mem_config=None):
        """to(device, mem_config) or to(layout)."""
        check(self.device is None, "to(device) and to(layout) of a tensor on the host")
        if isinstance(target, Device):
            return Tensor.placed(self.data, self.data_type, target, self.layout, mem_config or self.memory_config)
        check(isinstance(target, Layout) and mem_config is None, "to(layout)")
        check(
            target == TILE_LAYOUT or self.data_type not in (bfloat8_b, bfloat4_b),
            "block formats have tiles only",
        )
        return Tensor.placed(self.data, self.data_type, None, target, self.memory_config)

    def to_numpy(self):
        check(self.device is None and self.layout == ROW_MAJOR_LAYOUT, "to_numpy of rows on the host")
        check(
            self.data_type not in CONVERTED,
            "numpy has no such type: convert by to_dtype",
        )
        return HostArray(self.data)


def to_dtype(tensor, dtype):
    check(
        isinstance(tensor, Tensor) and tensor.device is None and isinstance(dtype, DataType),
        "to_dtype of a tensor on the host",
    )
    return Tensor.placed(tensor.data.astype(ARRAYS[dtype]), dtype, None, tensor.layout, tensor.memory_config)


def allocate_tensor_on_device(shape, dtype, layout, mesh_device, memory_config=None):
    check(
        isinstance(shape, Shape) and isinstance(dtype, DataType),
        "allocate_tensor_on_device takes a Shape and a type",
    )
    data = np.full(shape.extents, 77, dtype=ARRAYS[dtype])
    return Tensor.placed(data, dtype, mesh_device, layout, memory_config or DRAM_MEMORY_CONFIG)


def pages(shape):
    return [*shape[:-2], *[extent // TILE for extent in shape[-2:]]]


class TensorAccessorArgs:
    def __init__(self, tensor):
        check(
            isinstance(tensor, Tensor) and tensor.device is not None,
            "TensorAccessorArgs of a tensor on the device",
        )
        self.tensor = tensor

    def get_compile_time_args(self):
        config, data = self.tensor.memory_config, self.tensor.data
        words = [2 if config.buffer_type is BufferType.DRAM else 0, self.tensor.page_bytes()]
        if config.nd_shard_spec is None:
            return words
        shape, shard = pages(data.shape), pages(config.nd_shard_spec.shard_shape)
        shards = int(np.prod([-(-extent // part) for extent, part in zip(shape, shard)]))
        banks = min(shards, len(config.nd_shard_spec.grid.cores()))
        contiguous = config.nd_shard_spec.strategy is ShardDistributionStrategy.CONTIGUOUS_1D
        check(not contiguous or shards % banks == 0, f"{shards} contiguous shards on {banks} banks")
        return [words[0] | 1, words[1], len(shape), banks | contiguous << 31, *shape, *shard, *[0] * -(-banks // 2)]


class CBFormatDescriptor:
    def __init__(self, buffer_index, data_format, page_size, tile=None):
        check(type(buffer_index) is int and 0 <= buffer_index < 32, f"buffer_index {buffer_index!r}")
        check(
            isinstance(data_format, DataType) and type(page_size) is int and page_size % 16 == 0,
            "format and page size",
        )
        self.buffer_index, self.data_format, self.page_size = buffer_index, data_format, page_size


class CBDescriptor:
    def __init__(self, total_size, core_ranges, format_descriptors):
        check(isinstance(core_ranges, CoreRangeSet), "core_ranges must be a CoreRangeSet")
        check(all(isinstance(item, CBFormatDescriptor) for item in format_descriptors), "format_descriptors")
        check(
            type(total_size) is int and total_size > 0 and total_size % format_descriptors[0].page_size == 0,
            f"total_size {total_size!r} is not whole pages",
        )
        self.total_size, self.core_ranges, self.format_descriptors = (
            total_size,
            core_ranges,
            format_descriptors,
        )


class ReaderConfigDescriptor:
    pass


class WriterConfigDescriptor:
    pass


class ComputeConfigDescriptor:
    def __init__(
        self,
        math_fidelity=MathFidelity.HiFi4,
        math_approx_mode=False,
        fp32_dest_acc_en=False,
        dst_full_sync_en=False,
        bfp8_pack_precise=False,
    ):
        check(isinstance(math_fidelity, MathFidelity), "math_fidelity")
        for flag in (math_approx_mode, fp32_dest_acc_en, dst_full_sync_en, bfp8_pack_precise):
            check(type(flag) is bool, "flags are bool")
        self.math_fidelity, self.fp32_dest_acc_en, self.dst_full_sync_en = (
            math_fidelity,
            fp32_dest_acc_en,
            dst_full_sync_en,
        )
        self.unpack_to_dest_mode = _ttnn.program_descriptor.VectorUnpackToDestMode([])

    def __setattr__(self, name, value):
        if name == "unpack_to_dest_mode":
            check(isinstance(value, _ttnn.program_descriptor.VectorUnpackToDestMode), "unpack_to_dest_mode")
        object.__setattr__(self, name, value)


class KernelDescriptor:
    class SourceType(enum.Enum):
        FILE_PATH = 0
        SOURCE_CODE = 1

    def __init__(
        self,
        kernel_source,
        source_type=SourceType.FILE_PATH,
        *,
        core_ranges,
        compile_time_args=(),
        named_compile_time_args=(),
        defines=(),
        runtime_args=(),
        common_runtime_args=(),
        opt_level=None,
        config,
    ):
        check(
            isinstance(kernel_source, str) and os.path.isabs(kernel_source) and os.path.exists(kernel_source),
            f"there is no file {kernel_source!r}",
        )
        check(source_type is KernelDescriptor.SourceType.FILE_PATH, "source_type")
        check(isinstance(core_ranges, CoreRangeSet), "core_ranges must be a CoreRangeSet")
        check_u32(compile_time_args, "compile_time_args")
        check(
            isinstance(config, (ReaderConfigDescriptor, WriterConfigDescriptor, ComputeConfigDescriptor)),
            "config",
        )
        cores = core_ranges.cores()
        for core, values in runtime_args:
            check(
                isinstance(core, CoreCoord) and (core.x, core.y) in cores,
                "runtime_args: a core outside of core_ranges",
            )
            check_u32(values, "runtime_args")
        check(
            len({len(values) for _, values in runtime_args}) == 1,
            "all cores get the same number of arguments",
        )
        check(
            sorted((core.x, core.y) for core, _ in runtime_args) == sorted(cores),
            "every core gets its arguments, once",
        )
        self.kernel_source, self.core_ranges, self.compile_time_args = (
            kernel_source,
            core_ranges,
            list(compile_time_args),
        )
        self.runtime_args, self.config = runtime_args, config


class CoreType(enum.Enum):
    WORKER = 0
    ETH = 1


class SemaphoreDescriptor:
    def __init__(self, id, core_ranges, initial_value, core_type=CoreType.WORKER):
        check(type(id) is int and 0 <= id < 16, f"SemaphoreDescriptor: id {id!r}")
        check(isinstance(core_ranges, CoreRangeSet), "core_ranges must be a CoreRangeSet")
        check(core_type is CoreType.WORKER, "core_type")
        check_u32([initial_value], "initial_value")
        self.id, self.core_ranges, self.initial_value = id, core_ranges, initial_value


class ProgramDescriptor:
    def __init__(self, kernels=(), semaphores=(), cbs=()):
        check(all(isinstance(item, SemaphoreDescriptor) for item in semaphores), "semaphores")
        check(len({item.id for item in semaphores}) == len(semaphores), "two semaphores have one id")
        check(all(isinstance(item, KernelDescriptor) for item in kernels), "kernels")
        check(all(isinstance(item, CBDescriptor) for item in cbs), "cbs")
        indices = [item.format_descriptors[0].buffer_index for item in cbs]
        check(len(set(indices)) == len(indices), "two circular buffers have one number")
        self.kernels, self.semaphores, self.cbs = list(kernels), list(semaphores), list(cbs)


def describe(program):
    modes = [
        kernel.config.unpack_to_dest_mode
        for kernel in program.kernels
        if isinstance(kernel.config, ComputeConfigDescriptor)
    ]
    return {
        "buffers": [
            [
                item.format_descriptors[0].buffer_index,
                item.format_descriptors[0].data_format.name,
                item.total_size,
            ]
            for item in program.cbs
        ],
        "semaphores": [
            [item.id, len(item.core_ranges.cores()), item.initial_value] for item in program.semaphores
        ],
        "unpack_to_dest": [
            index
            for index, mode in enumerate(modes[0] if modes else [])
            if mode is UnpackToDestMode.UnpackToDestFp32
        ],
        "kernels": [
            {
                "file": os.path.basename(kernel.kernel_source),
                "folder": os.path.basename(os.path.dirname(kernel.kernel_source)),
                "config": type(kernel.config).__name__,
                "compile_time_args": kernel.compile_time_args,
                "runtime_args": [[core.x, core.y, list(values)] for core, values in kernel.runtime_args],
            }
            for kernel in program.kernels
        ],
    }


def generic_op(io_tensors, program_descriptor):
    check(isinstance(program_descriptor, ProgramDescriptor), "generic_op takes a ProgramDescriptor")
    if len(io_tensors) < 2:
        raise RuntimeError(
            "io_tensors must contain at least one input tensor and one output tensor, "
            f"got {len(io_tensors)} tensors."
        )
    check(
        all(isinstance(tensor, Tensor) and tensor.device is not None for tensor in io_tensors),
        "io_tensors on the device",
    )
    record = describe(program_descriptor)
    record["tensors"] = [
        {
            "shape": list(tensor.data.shape),
            "type": tensor.data_type.name,
            "address": tensor.address,
            "memory": tensor.memory_config.describe(),
            "sum": float(tensor.data.astype(np.float64).sum()),
        }
        for tensor in io_tensors
    ]
    with open(os.environ["FAKE_TTNN_LOG"], "a", encoding="utf-8") as log:
        log.write(json.dumps(record) + "\n")
    result = io_tensors[-1]
    result.data = (np.arange(result.data.size) % 251).astype(result.data.dtype).reshape(result.data.shape)
    return result
