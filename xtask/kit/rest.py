"""What is still to do after a step that a device fault or a hanging kernel ended early: a device is lost to the process
that broke it, and only to that. `rest.py tpch JSON "1 2 3"` prints the queries after the one that broke it, `rest.py
selftest JSON` the name of the check after it; nothing where all ran. Standard library only."""

import json
import sys

# What an error says once the device is lost.
LOST = "cannot be used again in this process"


def broken_at(entries, planned):
    """Position of what broke the device: the first that met a lost device, or the one that never came back."""
    lost = [at for at, entry in enumerate(entries) if LOST in (entry.get("error") or "")]
    if lost:
        return lost[0]
    return len(entries) if len(entries) < planned else None


def main():
    kind, path = sys.argv[1], sys.argv[2]
    try:
        with open(path) as file:
            found = json.load(file)
    except (OSError, ValueError):
        return  # It did not get so far as to say anything: again would be the same.
    if kind == "tpch":
        planned = [int(number) for number in sys.argv[3].split()]
        at = broken_at(found.get("queries", []), len(planned))
        print(" ".join(str(number) for number in planned[at + 1:]) if at is not None else "")
    else:
        planned = found.get("planned", [])
        at = broken_at(found.get("checks", []), len(planned))
        print(planned[at + 1] if at is not None and at + 1 < len(planned) else "")


if __name__ == "__main__":
    main()
