"""The architecture: descriptors, registers, CPUs, permissions, faults."""
