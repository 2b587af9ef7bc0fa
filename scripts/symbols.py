# SPDX-License-Identifier: GPL-2.0
"""The functions of a kernel, by address, for those who look at what a VM executes."""

import bisect


class Symbols:
    """What is where in the VM's kernel."""

    def __init__(self):
        self.starts = []
        self.names = []
        self.seen = {}

    def add(self, lines):
        found = {}
        for line in lines:
            words = line.split()
            if len(words) >= 3 and words[1] in "tTwW":
                # Of several names for one address, the first one.
                found.setdefault(int(words[0], 16), words[2])
        for start in sorted(found):
            self.starts.append(start)
            self.names.append(found[start])

    def find(self, pc):
        """(name, whether pc is its first instruction)"""
        known = self.seen.get(pc)
        if known:
            return known
        if pc < 1 << 63:
            known = ("[user]", False)
        else:
            i = bisect.bisect_right(self.starts, pc) - 1
            name = self.names[i] if i >= 0 else "[unknown]"
            # The part that the compiler moved out of the way.
            known = (name.replace(".cold", ""),
                     self.starts[i] == pc and ".cold" not in name)
        self.seen[pc] = known
        return known
