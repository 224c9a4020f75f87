"""The order that lib/sort.c leaves equal elements in: it sorts in place by heapsort, which is not stable.

Two forms: the textbook one, and from 5.2 on the bottom-up one, which first walks to a leaf along the larger children
and then back up to where the element belongs.  Source: lib/sort.c, commit 22a241ccb2c1.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


def kernel_sort(items: Sequence[T], compare: Callable[[T, T], int], *, bottom_up: bool) -> list[T]:
    """``items`` in the order that the kernel's ``sort()`` gives them."""
    heap = list(items)
    sift = _sift_bottom_up if bottom_up else _sift_textbook
    for root in range(len(heap) // 2 - 1, -1, -1):
        sift(heap, root, len(heap), compare)
    for end in range(len(heap) - 1, 0, -1):
        heap[0], heap[end] = heap[end], heap[0]
        sift(heap, 0, end, compare)
    return heap


def _sift_textbook(heap: list[T], root: int, end: int, compare: Callable[[T, T], int]) -> None:
    while (child := 2 * root + 1) < end:
        if child + 1 < end and compare(heap[child], heap[child + 1]) < 0:
            child += 1
        if compare(heap[root], heap[child]) >= 0:
            return
        heap[root], heap[child] = heap[child], heap[root]
        root = child


def _sift_bottom_up(heap: list[T], root: int, end: int, compare: Callable[[T, T], int]) -> None:
    path = [root]
    while (child := 2 * path[-1] + 1) < end:
        if child + 1 < end and compare(heap[child], heap[child + 1]) < 0:
            child += 1
        path.append(child)
    while len(path) > 1 and compare(heap[root], heap[path[-1]]) >= 0:
        path.pop()
    element = heap[root]
    for above, below in pairwise(path):
        heap[above] = heap[below]
    heap[path[-1]] = element
