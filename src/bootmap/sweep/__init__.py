"""Every board with every kernel, and what changed between two of them.

    files and kernels -> tasks -> (cache | process pool | Dask) -> rows -> reports
                                                                rows, rows -> changes -> reports

A pair of board and kernel becomes one row, and nothing is dropped: a board without an answer is a row with the reason.
"""
