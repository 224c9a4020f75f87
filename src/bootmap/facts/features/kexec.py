"""What kernels do differently when they start another one: rows as `table` explains."""

from __future__ import annotations

from bootmap.facts.features.feature import Feature

KEXEC_FEATURES = (
    Feature("restart_keeps_ttbr0_off", "soft_restart leaves the walks of TTBR0 off, and branches to what only TTBR0 "
            "maps", "arch/arm/mm/idmap.c setup_mm_for_reboot, since commit 7af5b901e847, until 009b6c6486b9 (7.1.3 has "
            "that, 6.12.117 lacks it)", (6, 10), (7, 1), kconfig=("CPU_TTBR0_PAN",)),
)
