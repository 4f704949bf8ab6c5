"""What the machine does while a run is going on: CPU, memory, disk, network, GPU."""
