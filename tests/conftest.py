"""What every test shares: reproducible Hypothesis runs, and no nightly tests unless they are asked for."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# The same examples on every run, so that a change is to blame for a failure; HYPOTHESIS_PROFILE=explore looks further.
settings.register_profile("repeat", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "nightly" in config.getoption("markexpr", ""):
        return
    skip = pytest.mark.skip(reason="long; run with -m nightly")
    for item in items:
        if "nightly" in item.keywords:
            item.add_marker(skip)
