"""What an audit of page tables looks for: one row a rule.  How each is looked for is in ``analysis.audit``.

A finding may be graded below its rule's severity where something explains it; it then says what.
"""

from __future__ import annotations

from enum import IntEnum

from msgspec import Struct


class Severity(IntEnum):
    """How bad a finding is; the names are those of SARIF 2.1.0, 3.27.10."""

    NOTE = 0
    WARNING = 1
    ERROR = 2


class AuditRule(Struct, frozen=True):
    """One thing that an audit looks for.

    Attributes:
        id: short name that never changes.
        severity: of a finding that nothing explains.
        title: what is found, in a few words.
        help: why it matters, and how it comes about.
        reference: where that is written down.
    """

    id: str
    severity: Severity
    title: str
    help: str
    reference: str


RULES: tuple[AuditRule, ...] = (
    AuditRule(
        "kernel-write-execute",
        Severity.WARNING,
        "the kernel may write and execute",
        "Memory that the kernel can write and then execute turns a stray or hostile write into code. paging_init() "
        "maps the kernel's image so; CONFIG_STRICT_KERNEL_RWX takes either right away at the end of the boot.",
        "arch/arm/mm/mmu.c map_lowmem(), arch/arm/mm/init.c fix_kernmem_perms()",
    ),
    AuditRule(
        "user-write-execute",
        Severity.ERROR,
        "user mode may write and execute",
        "In the kernel's half nothing may be so. In a process's half programs that make code at run time ask for it.",
        "DDI 0406C B3.7",
    ),
    AuditRule(
        "user-kernel-half",
        Severity.ERROR,
        "user mode reaches the kernel's half",
        "Above TASK_SIZE every process has the same mappings: what one may read or write there, all may. The one page "
        "that is meant to be so is the vectors page with the user helpers, read and execute.",
        "Documentation/arch/arm/memory.rst, Documentation/arch/arm/kernel_user_helpers.rst",
    ),
    AuditRule(
        "vectors-user-writable",
        Severity.ERROR,
        "user mode may write the exception vectors",
        "Whoever writes the vectors takes over the kernel at the next exception.",
        "arch/arm/kernel/traps.c early_trap_init(), arch/arm/mm/mmu.c devicemaps_init()",
    ),
    AuditRule(
        "device-executable",
        Severity.WARNING,
        "device memory may be executed",
        "A CPU may fetch instructions speculatively from whatever is not XN, also where no program ever jumps; reads "
        "of a device's registers have effects.",
        "DDI 0406C A3.5.6 and B3.7.2",
    ),
    AuditRule(
        "ram-not-normal",
        Severity.WARNING,
        "RAM is mapped as device or strongly-ordered memory",
        "Unaligned accesses fault there, nothing is cached, and exclusive accesses (every lock) need not work.",
        "DDI 0406C A3.2.1, A3.4.5 and A3.5",
    ),
    AuditRule(
        "alias-attributes",
        Severity.WARNING,
        "one physical page is mapped with different memory attributes",
        "Accesses through mismatched attributes may lose coherency, ordering and exclusiveness; what is read may be "
        "old, what was written may vanish. Allocation hints do not count.",
        "DDI 0406C A3.5.7",
    ),
    AuditRule(
        "halves-disagree",
        Severity.ERROR,
        "Linux's half and the hardware's half disagree",
        "set_pte_ext() writes both words of a pte at once. Where they differ, somebody wrote one of them alone: Linux "
        "decides by its half, and the CPU obeys the other.",
        "arch/arm/include/asm/pgtable-2level.h, arch/arm/mm/proc-v7-2level.S cpu_v7_set_pte_ext",
    ),
    AuditRule(
        "pgd-pair",
        Severity.WARNING,
        "a pair of first-level entries is filled by half",
        "Linux's pmd is a pair of hardware entries, 2 MiB. Of tables both halves are written, 1 KiB apart in one page; "
        "sections may stand alone where a mapping begins or ends at an odd MiB.",
        "arch/arm/include/asm/pgtable-2level.h, arch/arm/mm/mmu.c fill_pmd_gaps(), pmd_empty_section_gap()",
    ),
    AuditRule(
        "tables-writable",
        Severity.ERROR,
        "page tables are mapped writable from elsewhere than lowmem",
        "Whoever writes a page table gives himself any right on any page. Linux reaches its tables through the linear "
        "map and, for highmem, through short-lived kmaps; user mode never.",
        "arch/arm/mm/mmu.c early_pte_alloc(), arch/arm/include/asm/pgalloc.h",
    ),
    AuditRule(
        "domain-manager",
        Severity.WARNING,
        "a manager domain has no checks",
        "Permissions and XN of entries in a manager domain count for nothing. Linux had the kernel's domain so under "
        "CONFIG_CPU_USE_DOMAINS, and only there.",
        "DDI 0406C B3.7.3, arch/arm/include/asm/domain.h",
    ),
    AuditRule(
        "domain-no-access",
        Severity.WARNING,
        "entries are in a domain without access",
        "Every access to them faults, whatever their permissions say. CONFIG_CPU_SW_DOMAIN_PAN shuts the user's domain "
        "while the kernel runs; others are a surprise.",
        "DDI 0406C B3.7.3, arch/arm/include/asm/uaccess.h",
    ),
    AuditRule(
        "domain-unknown",
        Severity.WARNING,
        "entries are in a domain that Linux does not have",
        "Linux numbers its domains 0 to 3: kernel, user, I/O and vectors.",
        "arch/arm/include/asm/domain.h",
    ),
    AuditRule(
        "not-replicated",
        Severity.ERROR,
        "a supersection, large page or contiguous group is not there 16 times",
        "The 16 entries of such a group must agree, since the CPU may use any of them for the whole group. Which one "
        "it holds in its TLB is chance.",
        "DDI 0406C B3.5.1 (supersections, large pages), B3.6.1 (contiguous hint)",
    ),
    AuditRule(
        "reserved-encoding",
        Severity.WARNING,
        "a descriptor has a reserved encoding",
        "What a CPU does with it is UNPREDICTABLE, and differs from one to the next.",
        "DDI 0406C B3.5.1, B3.7.1 and B3.8; DDI 0100I B4.7",
    ),
)

RULES_BY_ID = {rule.id: rule for rule in RULES}

LINUX_DOMAINS = 4
"""Linux numbers its domains from 0 to one below this (arch/arm/include/asm/domain.h)."""

REPLICAS = 16
"""Entries of a supersection, a large page or a contiguous group."""

TASK_SIZE_BELOW = 16 << 20
"""Bytes from TASK_SIZE to PAGE_OFFSET: modules and pkmap (arch/arm/include/asm/memory.h)."""
