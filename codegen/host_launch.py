# ---- what every host.py shares: sizes, tensors, cores and launches ----

TILE = 32
SIZE_FUNCTIONS = {}
FORMATS = {
    "Float16_b": ttnn.bfloat16,
    "Float32": ttnn.float32,
    "Bfp8_b": ttnn.bfloat8_b,
    "Bfp4_b": ttnn.bfloat4_b,
    "UInt8": ttnn.uint8,
    "UInt16": ttnn.uint16,
    "UInt32": ttnn.uint32,
    "Int32": ttnn.int32,
}
TYPES = {
    "bf16": {"device": ttnn.bfloat16, "array": np.float32},
    "f32": {"device": ttnn.float32, "array": np.float32},
    "bfp8": {"device": ttnn.bfloat8_b, "array": np.float32},
    "bfp4": {"device": ttnn.bfloat4_b, "array": np.float32},
    "bool": {"device": ttnn.uint8, "array": np.bool_},
    "u8": {"device": ttnn.uint8, "array": np.uint8},
    "u16": {"device": ttnn.uint16, "array": np.uint16},
    "u32": {"device": ttnn.uint32, "array": np.uint32},
    "i32": {"device": ttnn.int32, "array": np.int32},
}


class HostError(Exception):
    """What the user can mend; shown without a traceback."""


def fail(message):
    raise HostError(message)


# ---- sizes ----


def size_function(function):
    SIZE_FUNCTIONS[function.__name__] = function
    return function


@size_function
def ceildiv(a, b):
    return -(-a // b)


def evaluate(expression, sizes, what):
    """A size expression of this file: a number, or its text."""
    if isinstance(expression, int):
        return expression
    try:
        return int(
            eval(expression, {"__builtins__": {}, "min": min, "max": max, **SIZE_FUNCTIONS}, dict(sizes))
        )
    except NameError as error:
        fail(f"{what}: the size in {expression} is not known ({error}); give it by -D NAME=VALUE")
    except ZeroDivisionError:
        fail(f"{what}: {expression} divides by zero")


def is_known(expression, sizes):
    """Are all names that the size expression mentions sizes with a value?"""
    return isinstance(expression, int) or mentioned(expression) <= {*sizes, "and", "or", "not", "min", "max", *SIZE_FUNCTIONS}


def mentioned(expression):
    return set(re.findall(r"[A-Za-z_]\w*", expression))


def describe_values(expression, sizes):
    names = mentioned(expression)
    return ", ".join(f"{name} = {value}" for name, value in sorted(sizes.items()) if name in names)


def describe_shape(shape):
    return "(" + ", ".join(str(extent) for extent in shape) + ("," if len(shape) == 1 else "") + ")"


def bind_sizes(owner, sizes, shapes, origins):
    """Binds every size that the shapes mention: {parameter: shape}. A disagreement names both tensors."""
    for name, shape in shapes.items():
        dimensions = owner["tensors"][name]["shape"]
        if len(shape) != len(dimensions):
            fail(
                f"{name} has {len(dimensions)} dimensions, but its array has the shape {describe_shape(shape)}"
            )
        for axis, (size, extent) in enumerate(zip(dimensions, shape), 1):
            if not isinstance(size, str) or not size.isidentifier():
                continue
            if sizes.setdefault(size, extent) != extent:
                fail(
                    f"size {size} is {extent} in dimension {axis} of {name}, but {sizes[size]} {origins.get(size, 'as given')}"
                )
            origins.setdefault(size, f"in dimension {axis} of {name}")
    settle(owner, sizes)
    while solve(owner, sizes, shapes, origins):
        settle(owner, sizes)
    for name, shape in shapes.items():
        for axis, (size, extent) in enumerate(zip(owner["tensors"][name]["shape"], shape), 1):
            wanted = evaluate(size, sizes, name)
            if wanted != extent:
                fail(f"dimension {axis} of {name} is {extent}, but {size} is {wanted}")
    for condition in owner["conditions"]:
        if not evaluate(condition, sizes, owner["name"]):
            fail(f"the condition {condition} does not hold: {describe_values(condition, sizes)}")


def solve(owner, sizes, shapes, origins):
    """A size that no dimension is by itself, from one that is a number of times it and more: H of H * 64."""
    for name, shape in shapes.items():
        for axis, (size, extent) in enumerate(zip(owner["tensors"][name]["shape"], shape), 1):
            unknown = set() if isinstance(size, int) else {one for one in mentioned(size) if not is_known(one, sizes)}
            if len(unknown) != 1:
                continue
            one = unknown.pop()
            none, single = (evaluate(size, {**sizes, one: value}, name) for value in (0, 1))
            value = (extent - none) // (single - none) if single > none and extent >= none else None
            if value is None or evaluate(size, {**sizes, one: value}, name) != extent:
                continue
            sizes[one] = value
            origins[one] = f"in dimension {axis} of {name}, {size}"
            return True
    return False


def require(kernel, check, condition, sizes):
    """What could not be proved of every launch is asked of this one."""
    if not evaluate(condition, sizes, kernel):
        fail(
            f"the run-time check {check} of kernel {kernel} does not hold: {condition}, "
            f"with {describe_values(condition, sizes)}"
        )


def settle(owner, sizes):
    """where P == ... settles a size that no tensor mentions, once all that it is made of is known."""
    for _ in owner["settled"]:
        for name, value in owner["settled"]:
            if name not in sizes and is_known(value, sizes):
                sizes[name] = evaluate(value, sizes, owner["name"])


def shape_of(owner, name, sizes):
    shape = tuple(evaluate(size, sizes, name) for size in owner["tensors"][name]["shape"])
    for axis, (size, extent) in enumerate(zip(owner["tensors"][name]["shape"], shape), 1):
        if extent < 0:
            fail(f"dimension {axis} of {name} is {size}, which is {extent} here, below 0")
    return shape


# ---- arrays ----


def bf16_values(bits):
    return (np.asarray(bits, dtype=np.uint16).astype(np.uint32) << 16).view(np.float32)


def bf16_bits(values):
    """Rounds to nearest even; any NaN is 0x7fc0."""
    word = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    rounded = ((word + 0x7FFF + ((word >> 16) & 1)) >> 16).astype(np.uint16)
    return np.where(np.isnan(values), np.uint16(0x7FC0), rounded)


def load_array(name, dtype, path):
    """The values of a .npy file for a parameter of that type: f32 for the float types, else the integer type."""
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        fail(f"--in {name}: cannot use '{path}': {error}")
    if array.dtype.kind == "V" and array.dtype.itemsize == 2:
        array, given = bf16_values(np.ascontiguousarray(array).view(np.uint16).reshape(array.shape)), "bf16"
    else:
        given = array.dtype.name
    target = TYPES[dtype]["array"]
    if target == np.float32:
        if given not in ("bf16", "float16", "float32"):
            fail(
                f"{name} is {dtype}, and '{path}' holds {given}; save it as float32: numpy.save(file, a.astype(numpy.float32))"
            )
        values = array.astype(np.float32)
        if dtype == "bf16" and given != "bf16":
            rounded = bf16_values(bf16_bits(values)).reshape(values.shape)
            changed = int(np.count_nonzero((rounded != values) & ~np.isnan(values)))
            if changed:
                print(
                    f"{name}: {changed} of {values.size} values of '{path}' were rounded from {given} to bf16",
                    file=sys.stderr,
                )
            values = rounded
        return values
    if target == np.bool_ and array.dtype == np.uint8:
        return array != 0
    if not np.can_cast(array.dtype, target, "safe"):
        fail(
            f"{name} is {dtype}, and '{path}' holds {given}; integers are never narrowed: save it as {np.dtype(target).name}"
        )
    return array.astype(target)


def save_array(name, dtype, path, values):
    """bf16 has the type <V2: the two bytes of each value."""
    values = np.ascontiguousarray(bf16_bits(values) if dtype == "bf16" else values)
    header = {
        "descr": "<V2" if dtype == "bf16" else values.dtype.str,
        "fortran_order": False,
        "shape": values.shape,
    }
    try:
        with open(path, "wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            file.write(values.tobytes())
    except OSError as error:
        fail(f"--out {name}: {error}")


def is_foreign(path):
    """Is there a file that is no array?"""
    if not os.path.isfile(path) or os.path.getsize(path) == 0:
        return False
    with open(path, "rb") as file:
        return file.read(6) != b"\x93NUMPY"


def check_targets(paths, targets):
    """No result replaces another file of the launch, but that of the array which it changes in place, or one that is no array."""
    owners = [(f"--in {name}", path) for name, path in paths.items()]
    for name, path in targets.items():
        for owner, other in owners:
            if owner != f"--in {name}" and os.path.realpath(other) == os.path.realpath(path):
                fail(f"--out {name}: the file '{path}' is that of {owner}")
        if is_foreign(path):
            fail(f"--out {name}: the file '{path}' is there, and is no .npy file; remove it, or give another name")
        owners.append((f"--out {name}", path))


# ---- tensors on the device ----


def padded_shape(shape):
    """Whole tiles, at least one; a vector is one row."""
    rows = (1,) + tuple(shape) if len(shape) == 1 else tuple(shape)
    return rows[:-2] + tuple(max(ceildiv(extent, TILE), 1) * TILE for extent in rows[-2:])


def placement(parameter, name, shape, sizes):
    """Where a tensor of that shape lies: (memory, None) interleaved, (memory, None, "row_major") in pages of rows; else memory, shape of a shard in elements, how many
    there are, rows and columns of cores that hold them in L1, orientation and distribution."""
    if "format" in parameter:
        return parameter["memory"], None, parameter["format"]
    if "shard" not in parameter:
        return parameter["memory"], None
    rows = padded_shape(shape)
    shard = [max(evaluate(extent, sizes, name), 1) for extent in parameter["shard"]]
    shard[-2:] = [ceildiv(extent, TILE) * TILE for extent in shard[-2:]]
    for axis, (extent, whole, shards) in enumerate(zip(shard, rows, parameter["grid"])):
        if evaluate(shards, sizes, name) * extent < whole and 0 not in shape:
            fail(
                f"{evaluate(shards, sizes, name)} shards of {name} cover {evaluate(shards, sizes, name) * extent} of its {whole} elements, "
                f"padded to tiles, along axis {axis} of {describe_shape(rows)}"
            )
    count = 1
    for extent, whole in zip(shard, rows):
        count *= ceildiv(whole, extent)
    order = parameter.get("orientation", "row_major"), parameter.get("distribution", "round_robin_1d")
    return parameter["memory"], tuple(shard), count, tuple(parameter.get("cores", ())), *order


def bank_rows(device, count, distribution):
    """Rows and columns of the banks of DRAM that so many shards are spread over. Contiguous ones fill all of theirs equally; a plane
    of shards, which is one row, has a bank for each."""
    banks = device.dram_grid_size()
    if distribution == "round_robin_1d":
        return banks.y, banks.x
    used = min(count, banks.x * banks.y)
    while count % used:
        used -= 1
    return 1, used


def has_rows(place):
    """Are its pages rows?"""
    return place[1] is None and "row_major" in place


def memory_config(device, place):
    memory, shard, *order = place
    if shard is None:
        return ttnn.L1_MEMORY_CONFIG if memory == "l1" else ttnn.DRAM_MEMORY_CONFIG
    count, cores, orientation, distribution = order
    rows, columns = cores or bank_rows(device, count, distribution)
    if cores and orientation == "col_major":
        rows, columns = columns, rows
    if cores and distribution == "contiguous_1d":
        distribution = "round_robin_1d"  # the same with one shard a core, and legal where a small tensor leaves cores without
    return ttnn.MemoryConfig(
        buffer_type=ttnn.BufferType.L1 if memory == "l1" else ttnn.BufferType.DRAM,
        nd_shard_spec=ttnn.NdShardSpec(
            shard_shape=ttnn.Shape(list(shard)),
            grid=core_range_set([(0, 0, columns, rows)]),
            orientation=getattr(ttnn.ShardOrientation, orientation.upper()),
            shard_distribution_strategy=getattr(ttnn.ShardDistributionStrategy, distribution.upper()),
        ),
    )


def describe_place(place):
    memory, shard = place[:2]
    kind = "row-major" if has_rows(place) else "interleaved" if shard is None else f"sharded by {describe_shape(shard)} elements"
    return f"{kind} in {memory.upper()}"


def upload(device, parameter, values, place):
    """Tiles are made on the host: on the device ttnn makes none of a narrower type in shards."""
    values = values.astype(np.uint8) if values.dtype == np.bool_ else values
    rows = values.reshape((1,) + values.shape) if values.ndim == 1 else values
    if has_rows(place):
        rows = np.zeros([max(extent, 1) for extent in rows.shape], rows.dtype) if 0 in rows.shape else np.ascontiguousarray(rows)
        tensor = ttnn.Tensor(rows, TYPES[parameter["dtype"]]["device"], None, ttnn.ROW_MAJOR_LAYOUT)
        return tensor.to(device, memory_config(device, place))
    shape = padded_shape(values.shape)
    if 0 in shape:
        shape = tuple(max(extent, 1) for extent in shape)
    padded = np.zeros(shape, dtype=values.dtype)
    padded[tuple(slice(extent) for extent in rows.shape)] = rows
    tensor = ttnn.Tensor(padded, TYPES[parameter["dtype"]]["device"], None, ttnn.TILE_LAYOUT)
    return tensor.to(device, memory_config(device, place))


def allocate(device, parameter, shape, place):
    rows = (1,) + tuple(shape) if len(shape) == 1 else tuple(shape)
    shape = [max(extent, 1) for extent in (rows if has_rows(place) else padded_shape(shape))]
    return ttnn.allocate_tensor_on_device(
        ttnn.Shape(shape),
        TYPES[parameter["dtype"]]["device"],
        ttnn.ROW_MAJOR_LAYOUT if has_rows(place) else ttnn.TILE_LAYOUT,
        device,
        memory_config(device, place),
    )


def download(tensor, dtype, shape):
    host = tensor.cpu()
    if TYPES[dtype]["array"] == np.float32 and dtype != "f32":
        host = ttnn.to_dtype(host, ttnn.float32)
    rows = (1,) + tuple(shape) if len(shape) == 1 else tuple(shape)
    made = [max(extent, 1) for extent in rows] if host.layout == ttnn.ROW_MAJOR_LAYOUT else padded_shape(shape)
    padded = np.from_dlpack(host.to(ttnn.ROW_MAJOR_LAYOUT).to_numpy()).reshape(made)
    return (
        np.array(padded[tuple(slice(extent) for extent in rows)]).reshape(shape).astype(TYPES[dtype]["array"])
    )


# ---- launches ----


def word(value):
    """A launch argument: 32 bits of an integer, or of a float."""
    if isinstance(value, float):
        return int(np.float32(value).view(np.uint32))
    if not -(2**31) <= value < 2**32:
        fail(f"the launch argument {value} does not fit 32 bits")
    return value & 0xFFFFFFFF


def circular_buffer(cores, index, data_format, page_size, pages):
    return ttnn.CBDescriptor(
        total_size=pages * page_size,
        core_ranges=cores,
        format_descriptors=[
            ttnn.CBFormatDescriptor(buffer_index=index, data_format=FORMATS[data_format], page_size=page_size)
        ],
    )


def semaphore(cores, index, initial_value):
    return ttnn.SemaphoreDescriptor(id=index, core_ranges=cores, initial_value=initial_value)


def noc_x(device, x, y):
    """Where the NoC finds the logical core (x, y)."""
    return device.worker_core_from_logical_core(ttnn.CoreCoord(x, y)).x


def noc_y(device, x, y):
    return device.worker_core_from_logical_core(ttnn.CoreCoord(x, y)).y


def compute_config(math_fidelity, fp32_dest_acc_en, dst_full_sync_en, unpack_to_dest):
    """unpack_to_dest: the circular buffers whose tiles go to DST at full width."""
    config = ttnn.ComputeConfigDescriptor(
        math_fidelity=getattr(ttnn.MathFidelity, math_fidelity),
        math_approx_mode=False,
        fp32_dest_acc_en=fp32_dest_acc_en,
        dst_full_sync_en=dst_full_sync_en,
    )
    modes = [ttnn.UnpackToDestMode.Default] * 64
    for index in unpack_to_dest:
        modes[index] = ttnn.UnpackToDestMode.UnpackToDestFp32
    config.unpack_to_dest_mode = ttnn._ttnn.program_descriptor.VectorUnpackToDestMode(modes)
    return config


def core_range_set(ranges):
    """ranges: (x, y, width, height) of logical cores."""
    return ttnn.CoreRangeSet(
        [ttnn.CoreRange(ttnn.CoreCoord(x, y), ttnn.CoreCoord(x + w - 1, y + h - 1)) for x, y, w, h in ranges]
    )


def core_list(ranges):
    """The cores in the order of their shares."""
    return [(x + i, y + j) for x, y, w, h in ranges for j in range(h) for i in range(w)]


def shares(blocks, cores):
    """(start, count) of each core: ceil(blocks / cores) consecutive blocks, clipped."""
    each = ceildiv(blocks, cores)
    return [(min(core * each, blocks), min(each, blocks - min(core * each, blocks))) for core in range(cores)]


def accessor_words(tensors, rows):
    """The compile-time arguments of a kernel's accessors, from the tensors that are bound: nothing else describes where they lie.
    rows: the tensors whose pages are rows."""
    words = []
    for tensor in tensors or []:
        try:
            facts = ttnn.TensorAccessorArgs(tensor).get_compile_time_args()
            page, tile = facts[1], ttnn.tile_size(tensor.dtype)
        except (AttributeError, IndexError, RuntimeError, TypeError) as error:
            fail(f"TensorAccessorArgs must be created via ttnn.TensorAccessorArgs(tensor) of a tensor on the device: {error}")
        if any(tensor is other for other in rows):
            if tensor.layout != ttnn.ROW_MAJOR_LAYOUT:
                fail("TensorAccessorArgs must be created via a row-major tensor here, and this one is in tiles")
        elif page != tile or tensor.layout != ttnn.TILE_LAYOUT:
            fail(f"TensorAccessorArgs must be created via a tensor of tiles: pages of {page} bytes are no tiles of {tile}")
        words.extend(facts)
    return words


def l1_room(device):
    """Bytes of a core that circular buffers may take, beside the tensors in L1."""
    return ttnn.get_memory_view(device, ttnn.BufferType.L1).largest_contiguous_bytes_free_per_bank


def launch(
    device, *, folder, tensors, ranges, blocks, arguments, buffers, l1, reader, writer, compute, semaphores=(), rows=()
):
    """Runs one kernel. l1: bytes of a core for its buffers; reader, writer: tensors in the order of their accessors; compute: the configuration or None;
    semaphores: their numbers and initial values; rows: the tensors whose pages are rows."""
    if blocks == 0:
        return
    reader_words, writer_words = accessor_words(reader, rows), accessor_words(writer, rows)
    grid = device.compute_with_storage_grid_size()
    for x, y, w, h in ranges:
        if x + w > grid.x or y + h > grid.y:
            fail(
                f"the kernel is made for cores up to ({x + w - 1},{y + h - 1}), and this device has {grid.x}x{grid.y}; "
                f"build it with --grid {grid.x}x{grid.y}"
            )
    cores = core_range_set(ranges)
    named = [
        (ttnn.CoreCoord(*place), [word(value) for value in arguments(*share, *place)])
        for place, share in zip(core_list(ranges), shares(blocks, len(core_list(ranges))))
    ]
    room = l1_room(device)
    if l1 > room:
        fail(f"the circular buffers take {l1} bytes of L1 at these sizes, and a core has {room} free")

    def kernel(file, words, config):
        return ttnn.KernelDescriptor(
            kernel_source=os.path.join(HERE, folder, file),
            source_type=ttnn.KernelDescriptor.SourceType.FILE_PATH,
            core_ranges=cores,
            compile_time_args=words,
            runtime_args=named,
            config=config,
        )

    kernels = [kernel("reader.cpp", reader_words, ttnn.ReaderConfigDescriptor())] if reader is not None else []
    if writer is not None:
        kernels.append(kernel("writer.cpp", writer_words, ttnn.WriterConfigDescriptor()))
    if compute is not None:
        kernels.append(kernel("compute.cpp", [], compute))
    program = ttnn.ProgramDescriptor(
        kernels=kernels,
        semaphores=[semaphore(cores, *item) for item in semaphores],
        cbs=[circular_buffer(cores, *buffer) for buffer in buffers],
    )
    ttnn.generic_op(tensors if len(tensors) > 1 else tensors * 2, program)  # it wants an input and a result


def scalar_value(name, dtype, value):
    try:
        if dtype in ("bf16", "f32"):
            with np.errstate(over="ignore"):
                number = np.float32(value)
            held = bf16_values(bf16_bits(number.reshape(1)))[0] if dtype == "bf16" else number
            if np.isinf(held) and not np.isinf(float(value)):
                fail(f"{name} is {dtype}: '{value}' is more than it holds")
            return float(held)
        number = int({"false": 0, "true": 1}.get(value, value) if dtype == "bool" else value)
    except ValueError:
        fail(f"{name} is {dtype}: '{value}' is no such number")
    least, most = {"bool": (0, 1), "u16": (0, 2**16 - 1), "u32": (0, 2**32 - 1)}.get(
        dtype, (-(2**31), 2**31 - 1)
    )
    if not least <= number <= most:
        fail(f"{name} is {dtype}: {value} is out of range")
    return number


def scalar_argument(value, scalars):
    """A number, or an expression of the caller's sizes and scalars."""
    return (
        scalars[value]
        if isinstance(value, str) and value in scalars
        else value if isinstance(value, float) else evaluate(value, scalars, str(value))
    )


def place_tensor(device, kernel, name, actual, sizes, state):
    """Puts the tensor on the device at its first use, where the kernel wants it; later ones must agree."""
    parameter = kernel["tensors"][name]
    place = placement(parameter, name, state["shapes"][actual], sizes)
    if actual not in state["tensors"]:
        state["places"][actual] = place, f"{name} of {kernel['name']}"
        try:
            state["tensors"][actual] = (
                upload(device, parameter, state["arrays"][actual], place)
                if actual in state["arrays"]
                else allocate(device, parameter, state["shapes"][actual], place)
            )
        except RuntimeError as error:
            reason = re.search("Out of Memory: (.*)", str(error))
            if reason is None:
                raise
            fail(f"{place[0].upper()} has no room for {actual}: {reason.group(1)}")
    first, maker = state["places"][actual]
    if first != place:
        fail(
            f"{actual} is {describe_place(first)} for {maker}, but {name} of {kernel['name']} is to be {describe_place(place)}; "
            "give both the same @layout"
        )


def run_step(device, step, state, scalars):
    """One launch: binds the callee's sizes by the shapes of its tensors, places its tensors, runs it."""
    shapes = state["shapes"]
    kernel = KERNELS[step["kernel"]]
    actual = step["tensors"]
    values = {
        name: scalar_value(name, kernel["scalars"][name]["dtype"], scalar_argument(value, scalars))
        for name, value in step["scalars"].items()
    }
    sizes = dict(values)
    made = [name for name in actual if kernel["tensors"][name]["direction"] == "out"]
    bind_sizes(
        kernel,
        sizes,
        {name: shapes[actual[name]] for name in actual if name not in made or actual[name] in shapes},
        {},
    )
    for name in made:
        shapes.setdefault(actual[name], shape_of(kernel, name, sizes))
    for name in kernel["sizes"]:
        values[name] = evaluate(name, sizes, kernel["name"])
    for name in actual:
        place_tensor(device, kernel, name, actual[name], sizes, state)
    kernel["launch"](
        device, **{name: state["tensors"][tensor] for name, tensor in actual.items()}, **values
    )
