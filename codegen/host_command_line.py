

# ---- the command line: arrays and scalars by name, and what a launch lacks ----


def parse_command_line():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "-i",
        "--in",
        dest="inputs",
        action="append",
        default=[],
        metavar="NAME=FILE.npy",
        help="the array of a parameter (repeatable)",
    )
    parser.add_argument(
        "-w",
        "--out",
        dest="outputs",
        action="append",
        default=[],
        metavar="NAME=FILE.npy",
        help="where a result goes (repeatable)",
    )
    parser.add_argument(
        "-s",
        "--set",
        dest="scalars",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="the value of a scalar parameter (repeatable)",
    )
    parser.add_argument(
        "-D",
        "--define",
        dest="sizes",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a size that no array settles (repeatable)",
    )
    parser.add_argument("-d", "--device", type=int, default=0, help="the number of the card (default: 0)")
    return parser.parse_args()


def author(name):
    """The name that a parameter or a size has in the source."""
    return ENTRY["author"].get(name, name)


def named_values(option, pairs, names):
    """{name: value} of NAME=VALUE; names: those that the option takes."""
    values, known = {}, {author(name): name for name in names}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not value:
            fail(f"{option} {pair}: expected NAME=VALUE")
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = (
                f"; did you mean '{near[0]}'?"
                if near
                else f"; {option} takes {', '.join(known) or 'nothing here'}"
            )
            fail(f"{option} {name}: there is no such parameter{hint}")
        if known[name] in values:
            fail(f"{option} {name} was given twice")
        values[known[name]] = value
    return values


def read_scalars(entry, given):
    scalars = {}
    for name, scalar in entry["scalars"].items():
        value = given.get(name, scalar["default"])
        if value is None:
            fail(f"the scalar {author(name)} has no value; give it by --set {author(name)}=VALUE")
        scalars[name] = scalar_value(name, scalar["dtype"], value)
    return scalars


def run(device, entry, arrays, sizes, scalars):
    """{name: result} of the entry's outputs."""
    known = {**sizes, **scalars}
    bind_sizes(entry, known, {name: array.shape for name, array in arrays.items()}, {})
    shapes = {name: shape_of(entry, name, known) for name in entry["tensors"]}
    state = {"arrays": arrays, "shapes": shapes, "tensors": {}, "places": {}}
    for step in entry["steps"]:
        run_step(device, step, state, known)
    tensors = state["tensors"]
    return {
        name: (
            download(tensors[name], parameter["dtype"], shapes[name])
            if name in tensors and 0 not in shapes[name]
            else arrays[name] if name in arrays else np.zeros(shapes[name], dtype=TYPES[parameter["dtype"]]["array"])
        )
        for name, parameter in entry["tensors"].items()
        if parameter["direction"] != "in"
    }


def main():
    options = parse_command_line()
    tensors = ENTRY["tensors"]
    inputs = [name for name, tensor in tensors.items() if tensor["direction"] != "out"]
    outputs = [name for name, tensor in tensors.items() if tensor["direction"] != "in"]
    paths = named_values("--in", options.inputs, inputs)
    targets = named_values("--out", options.outputs, outputs)
    sizes = {
        name: scalar_value(name, "index", value)
        for name, value in named_values("-D", options.sizes, list(ENTRY["sizes"])).items()
    }
    scalars = read_scalars(ENTRY, named_values("--set", options.scalars, list(ENTRY["scalars"])))
    for name in inputs:
        if name not in paths:
            fail(
                f"the array of {author(name)} was not given; "
                f"{author(name)}: {tensors[name]['dtype']}[{', '.join(map(str, tensors[name]['shape']))}], "
                f"by --in {author(name)}=FILE.npy"
            )
    if not targets:
        fail(f"no result is asked for; give --out {author(outputs[0])}=FILE.npy")
    check_targets(paths, targets)
    arrays = {name: load_array(name, tensors[name]["dtype"], path) for name, path in paths.items()}
    device = ttnn.open_device(device_id=options.device)
    try:
        results = run(device, ENTRY, arrays, sizes, scalars)
    finally:
        ttnn.close_device(device)
    for name, path in targets.items():
        save_array(name, tensors[name]["dtype"], path, results[name])


if __name__ == "__main__":
    try:
        main()
    except HostError as error:
        sys.exit(f"host.py: error: {error}")
