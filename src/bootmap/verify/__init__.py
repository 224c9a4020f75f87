"""Proof: boots the real kernel under QEMU, reads what it did to memory, and compares that with the prediction."""
