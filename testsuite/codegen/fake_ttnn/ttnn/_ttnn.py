"""The part of ttnn's inner module that host.py names."""


class program_descriptor:
    class VectorUnpackToDestMode(list):
        pass
