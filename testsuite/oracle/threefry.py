"""The generator of random words, as its authors define it (Salmon, Moraes, Dror, Shaw: Parallel random numbers, 2011)."""
import numpy as np


def threefry(seed, index):
    """The first word of Threefry-2x32 of 20 rounds, key (seed, 0), counter (index, 0)."""
    keys = [np.uint32(seed), np.uint32(0), np.uint32(0x1BD11BDA) ^ np.uint32(seed)]
    x0, x1 = index.astype(np.uint32) + keys[0], np.zeros(index.shape, np.uint32)
    for step in range(20):
        turn = np.uint32((13, 15, 26, 6, 17, 29, 16, 24)[step % 8])
        x0 = x0 + x1
        x1 = (x1 << turn | x1 >> (np.uint32(32) - turn)) ^ x0
        if step % 4 == 3:
            group = (step + 1) // 4
            x0, x1 = x0 + keys[group % 3], x1 + keys[(group + 1) % 3] + np.uint32(group)
    return x0
