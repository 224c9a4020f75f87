"""Typical kernels by defconfig and version: what a board boots when nobody has said which kernel it is."""
