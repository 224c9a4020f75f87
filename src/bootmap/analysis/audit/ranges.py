"""The rules about what page tables mean: rights, memory types, aliases, domains.

Everything is asked of the merged ranges, of each class of attributes once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bootmap.analysis.audit.finding import MOST_PLACES, Place, finding
from bootmap.facts.arm.memory_attrs import MemoryType, Policy
from bootmap.facts.arm.permissions import DomainAccess, Rights
from bootmap.facts.audit_rules import LINUX_DOMAINS, Severity
from bootmap.mmu.attributes import Attributes
from bootmap.mmu.bulk import ascending
from bootmap.mmu.describe import memory_text, rights_text
from bootmap.mmu.regs import VA_END
from bootmap.units import MIB, PAGE_SIZE, Span, align_up, hex_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from bootmap.analysis.audit.finding import AuditFinding, Known
    from bootmap.facts.arm.memory_attrs import MemoryAttributes
    from bootmap.mmu.bulk import Map, Ranges
    from bootmap.mmu.regs import Regime

    I64 = NDArray[np.int64]

VMALLOC_END = 0xFF80_0000  # since 4.4, where the kernel is not known (arch/arm/include/asm/pgtable.h)
_DMA_REMAP = (
    "; non-cacheable in the vmalloc area alone, as dma_common_contiguous_remap() (kernel/dma/remap.c) maps buffers and "
    "the pool of kernel/dma/pool.c, which nobody uses through lowmem meanwhile"
)
_MOST_SETS, _MOST_SPANS = 16, 8
VECTORS = Span(0xFFFF_0000, 0xFFFF_0000 + PAGE_SIZE)
_NOT_NORMAL = (MemoryType.DEVICE, MemoryType.STRONGLY_ORDERED)
_EARLY = "this is how head.S maps; no process runs yet, and paging_init() replaces it"
_NO_XN = "descriptors of this architecture have no XN: whatever may be read may be executed"


def range_findings(listed: Map, known: Known) -> Iterator[AuditFinding]:
    """Everything that these rules find."""
    if not listed.regime.enabled:
        return
    ranges = listed.ranges()
    yield from _kernel_write_execute(ranges, listed.regime, known)
    yield from _user(ranges, known)
    yield from _devices(ranges, listed.regime)
    yield from _ram(ranges, known)
    yield from _aliases(ranges, listed.regime, known)
    yield from _domains(ranges, known)
    reserved = ranges.filter(lambda a: a.memory.type in (MemoryType.RESERVED, MemoryType.IMPLEMENTATION_DEFINED))
    if len(reserved):
        evidence = "the memory type that these descriptors encode is reserved or implementation defined"
        yield _found("reserved-encoding", reserved, evidence, "mend PRRR, NMRR, MAIR or the descriptors")


def has_xn(regime: Regime) -> bool:
    """Whether the first level's blocks have an XN bit."""
    return any("XN" in row.layout for root in regime.roots for row in root.level.descriptors)


def rights_of(attributes: Attributes) -> Rights:
    """What may be done, under a manager domain what a client might: that the domain has no checks is one finding."""
    manager = attributes.domain_access is DomainAccess.MANAGER
    return attributes.granted if manager else attributes.rights


def _kernel_write_execute(ranges: Ranges, regime: Regime, known: Known) -> Iterator[AuditFinding]:
    both = Rights.PRIV_WRITE | Rights.PRIV_EXECUTE
    found = ranges.filter(lambda a: rights_of(a) & both == both and a.memory.type not in _NOT_NORMAL)
    start = known.kernel_half
    user = np.array(
        [isinstance(a, Attributes) and bool(rights_of(a) & Rights.USER) for a in found.attributes], np.bool_
    )
    # What a process may execute the kernel may too, where there is no PXN: that is user-write-execute's.
    found = found.pick(~user[found.outcome] if start is None else ~user[found.outcome] | (found.va >= start))
    if not len(found):
        return
    if known.early:
        yield _found("kernel-write-execute", found, _EARLY, "nothing", Severity.NOTE)
        return
    severity, why, avoid = _strictness(regime, known)
    image = _image(known)
    if image is None or severity is not Severity.NOTE or not has_xn(regime):
        yield _found("kernel-write-execute", found, why, avoid, severity)
        return
    # What is made strict later is the image; anything else stays as it is.
    inside, below, above = (found.within(span) for span in (image, Span(0, image.start), Span(image.end, VA_END)))
    if len(inside):
        yield _found("kernel-write-execute", inside, why, avoid, severity)
    for rest in (below, above):
        if len(rest):
            evidence = "this is not the kernel's image, and nothing takes a right from it later"
            yield _found("kernel-write-execute", rest, evidence, "map it without execute")


def _strictness(regime: Regime, known: Known) -> tuple[Severity, str, str]:
    """How bad kernel memory that may be written and executed is, why, and what would change it."""
    strict = "CONFIG_STRICT_KERNEL_RWX=y (CONFIG_DEBUG_RODATA=y before 4.11)"
    if not has_xn(regime):
        return Severity.NOTE, _NO_XN, "nothing on this CPU"
    if known.kernel is None:
        why = "the kernel's configuration is not known; this is how paging_init() leaves the image"
        if known.final is False:
            return Severity.NOTE, f"{why}, and mark_rodata_ro() is still to come", strict
        return Severity.WARNING, f"{why} where CONFIG_STRICT_KERNEL_RWX is off", strict
    config = known.kernel.config
    options = ("STRICT_KERNEL_RWX", "DEBUG_RODATA", "ARM_KERNMEM_PERMS")
    on = next((option for option in options if config.enabled(option)), None)
    if on is None:
        return Severity.WARNING, "the kernel has no CONFIG_STRICT_KERNEL_RWX: its image stays so", strict
    if known.final is False:
        why = f"CONFIG_{on} is on: free_initmem() and mark_rodata_ro() take write or execute away later in the boot"
        return Severity.NOTE, why, "none needed; removed later (--stage mark_rodata_ro)"
    if known.final is None:
        return Severity.WARNING, f"CONFIG_{on} is on; is this moment before mark_rodata_ro()?", "look at a later moment"
    return Severity.ERROR, f"CONFIG_{on} is on and mark_rodata_ro() has run", "find who gave the right back"


def _image(known: Known) -> Span | None:
    """The sections that fix_kernmem_perms() takes rights from: from PAGE_OFFSET to the end of init."""
    end = known.symbols.get("__init_end", known.symbols.get("_sdata"))
    return None if known.page_offset is None or end is None else Span(known.page_offset, align_up(end, 2 * MIB))


def _user(ranges: Ranges, known: Known) -> Iterator[AuditFinding]:
    touched = ranges.filter(lambda a: rights_of(a) & Rights.USER)
    start = known.kernel_half
    written = touched.within(VECTORS).filter(lambda a: rights_of(a) & Rights.USER_WRITE)
    if len(written):
        yield _found("vectors-user-writable", written, "the vectors page is writable to user mode", "map it read-only")
    helpers = touched.within(VECTORS).filter(lambda a: not rights_of(a) & Rights.USER_WRITE)
    if len(helpers):
        why = "the vectors page holds the user helpers, which programs call: this is by design"
        yield _found("user-kernel-half", helpers, why, "CONFIG_KUSER_HELPERS=n", Severity.NOTE)
    half = VECTORS.start if start is None else start
    for span in (Span(half, VECTORS.start), Span(VECTORS.end, VA_END)):
        rest = touched.within(span)
        if len(rest):
            yield _found("user-kernel-half", rest, *_left_by_head(rest, known))
    both = Rights.USER_WRITE | Rights.USER_EXECUTE
    wx = touched.filter(lambda a: rights_of(a) & both == both)
    mine = wx.within(Span(half, VA_END))
    if len(mine):
        yield _found("user-write-execute", mine, *_left_by_head(mine, known))
    theirs = wx.within(Span(0, half))
    if not len(theirs):
        return
    if start is None:
        why = "whether this is a process's own memory is not known without PAGE_OFFSET"
        yield _found("user-write-execute", theirs, why, "mprotect() after writing", Severity.WARNING)
        return
    why = "a process's own memory: programs that make code at run time, and old ones with an executable stack"
    why = _EARLY if known.early else why
    yield _found("user-write-execute", theirs, why, "mprotect() after writing", Severity.NOTE)


def _left_by_head(found: Ranges, known: Known) -> tuple[str, str, Severity | None]:
    """What explains a user's right in the kernel's half, what would avoid it, and how bad it then is."""
    if known.early:
        return _EARLY, "nothing", Severity.NOTE
    start = known.page_offset
    at_start = start is not None and len(found) > 0 and all(start <= one.va < start + 2 * MIB for one in found)
    if at_start:
        evidence = (
            "these are the sections of head.S (AP = 11), which map_lowmem() did not write again: memory that is "
            "no-map at the start of RAM is left out of lowmem"
        )
        return (
            evidence,
            "move the no-map area from the start of RAM, or take a kernel since 5.14, whose map_kernel() writes them",
            None,
        )
    return (
        "nothing in Linux maps the kernel's half for user mode but the vectors page",
        "find who wrote the entry",
        None,
    )


def _devices(ranges: Ranges, regime: Regime) -> Iterator[AuditFinding]:
    found = ranges.filter(lambda a: a.memory.type in _NOT_NORMAL and rights_of(a) & Rights.EXECUTE)
    if not len(found):
        return
    if not has_xn(regime):
        yield _found("device-executable", found, _NO_XN, "nothing on this CPU", Severity.NOTE)
    else:
        yield _found("device-executable", found, "XN is clear in these entries", "set XN (MT_DEVICE has it)")


def _ram(ranges: Ranges, known: Known) -> Iterator[AuditFinding]:
    strange = ranges.filter(lambda a: a.memory.type in _NOT_NORMAL)
    places: list[Place] = []
    for span in known.ram if len(strange) else ():
        places += _places(strange.mapping(span))
    if places:
        avoid = "map it as memory; an area that a device owns belongs in a no-map reservation"
        yield finding("ram-not-normal", "the kernel's memory has these addresses as RAM", avoid, places)


# -- aliases ---------------------------------------------------------------------------------------------------------


def _aliases(ranges: Ranges, regime: Regime, known: Known) -> Iterator[AuditFinding]:
    """Physical addresses that are mapped with more than one set of attributes, a finding for each combination."""
    classes, of_outcome = _memory_classes(ranges)
    if len(classes) < 2 or not len(ranges):
        return
    edges, masks, written = _covered(ranges, of_outcome, len(classes))
    several = np.flatnonzero((masks & (masks - np.uint64(1))) != 0)
    sets, counts = np.unique(masks[several], return_counts=True)
    common = sets[np.argsort(-counts, kind="stable")]
    for mask in common[:_MOST_SETS]:
        own = several[masks[several] == mask]
        kinds = [kind for place, kind in enumerate(classes) if int(mask) >> place & 1]
        severity, why = _grade(kinds, regime, written=bool(written[own].any()))
        if severity is None and _is_dma_remap(ranges, classes, kinds, of_outcome, known):
            severity, why = Severity.NOTE, _DMA_REMAP
        words = f"{' / '.join(memory_text(kind) for kind in kinds)}{why}"
        yield _alias(ranges, edges, own, words, severity)
    if len(common) > _MOST_SETS:
        own = several[np.isin(masks[several], common[_MOST_SETS:])]
        yield _alias(ranges, edges, own, f"{len(common) - _MOST_SETS} other combinations of memory types", None)


def _is_dma_remap(
    ranges: Ranges, classes: list[MemoryAttributes], kinds: list[MemoryAttributes], of_outcome: I64, known: Known
) -> bool:
    """Whether one of two kinds is non-cacheable, and but for lowmem in the vmalloc area alone."""
    if known.page_offset is None or known.phys_offset is None or len(kinds) != 2:
        return False
    if any(kind.inner is None or kind.outer is None for kind in kinds):
        return False
    own = [kind for kind in kinds if kind.inner is not None and kind.inner.policy is Policy.NON_CACHEABLE]
    if len(own) != 1:
        return False
    apart = ranges.pick(of_outcome[ranges.outcome] == classes.index(own[0]))
    apart = apart.pick(apart.va - apart.pa != known.page_offset - known.phys_offset)
    start = known.page_offset if known.high_memory is None else known.high_memory
    end = VMALLOC_END if known.kernel is None else known.kernel.vmalloc_end
    return len(apart) > 0 and bool(((apart.va >= start) & (apart.va + apart.size <= end)).all())


def _alias(ranges: Ranges, edges: I64, own: I64, words: str, severity: Severity | None) -> AuditFinding:
    """The finding for the pieces of physical memory with the numbers ``own``, which are ascending."""
    breaks = np.flatnonzero(np.diff(own) != 1) + 1
    firsts, lasts = own[np.append(0, breaks)], own[np.append(breaks - 1, len(own) - 1)]
    spans = [Span(int(edges[a]), int(edges[b + 1])) for a, b in zip(firsts[:_MOST_SPANS], lasts, strict=False)]
    places = [place for span in spans for place in _places(ranges.mapping(span))]
    total = int((edges[lasts + 1] - edges[firsts]).sum())
    evidence = (
        f"{total >> 10} KiB of physical addresses, the first at {hex_address(spans[0].start)}, are mapped as {words}"
    )
    count = max(len(places), len(firsts))
    return finding("alias-attributes", evidence, "map both with the same memory type", places, count, severity)


def _memory_classes(ranges: Ranges) -> tuple[list[MemoryAttributes], I64]:
    """Memory attributes that differ in more than allocation hints, and which of them each outcome has (-1: none)."""
    known: dict[tuple[object, ...], int] = {}
    classes: list[MemoryAttributes] = []
    numbers = []
    for one in ranges.attributes:
        if not isinstance(one, Attributes):
            numbers.append(-1)
            continue
        key = _key(one.memory)
        if key not in known:
            known[key] = len(classes)
            classes.append(one.memory)
        numbers.append(known[key])
    return classes, np.array(numbers, np.int64)


def _key(memory: MemoryAttributes) -> tuple[object, ...]:
    policies = [None if cache is None else cache.policy for cache in (memory.inner, memory.outer)]
    return (memory.type, memory.shareability, *policies)


def _covered(ranges: Ranges, of_outcome: I64, count: int) -> tuple[I64, NDArray[np.uint64], NDArray[np.bool_]]:
    """Physical addresses cut where what maps them changes.

    Returns:
        Where each piece begins, the classes that map it as a sum of powers of two, and whether anybody may write it.
    """
    edges = ascending(np.concatenate([ranges.pa, ranges.pa + ranges.size]))
    order = np.argsort(ranges.pa)  # what is sought in order is found faster
    first = np.searchsorted(edges, ranges.pa.take(order)).astype(np.int32)
    last = np.searchsorted(edges, (ranges.pa + ranges.size).take(order)).astype(np.int32)
    outcome = ranges.outcome.take(order)
    del order
    own = of_outcome[outcome]

    def covers(mine: NDArray[np.bool_]) -> NDArray[np.bool_]:
        depth = np.bincount(first[mine], minlength=len(edges))
        depth -= np.bincount(last[mine], minlength=len(edges))
        answer: NDArray[np.bool_] = np.cumsum(depth, out=depth) > 0
        return answer

    masks = np.zeros(len(edges), np.uint64)
    for number in range(count):
        masks |= covers(own == number).astype(np.uint64) << np.uint64(number)
    writes = [isinstance(one, Attributes) and bool(rights_of(one) & Rights.WRITE) for one in ranges.attributes]
    return edges, masks, covers(np.array(writes, np.bool_)[outcome])


def _grade(kinds: list[MemoryAttributes], regime: Regime, *, written: bool) -> tuple[Severity | None, str]:
    """How bad the combination is: None for the rule's own severity; and what explains it."""
    same = {_key(kind)[:1] + _key(kind)[2:] for kind in kinds}
    if not has_xn(regime):
        return Severity.NOTE, "; before ARMv6 the cache goes by the entry of each access"
    if len(same) == 1:
        return Severity.NOTE, "; they differ in shareability alone, which counts where several masters share the memory"
    if not written:
        return Severity.NOTE, "; nobody may write there"
    return None, ""


# -- domains ---------------------------------------------------------------------------------------------------------


def _domains(ranges: Ranges, known: Known) -> Iterator[AuditFinding]:
    def within(test: Callable[[Attributes], bool]) -> Ranges:
        return ranges.filter(lambda a: a.domain is not None and test(a))

    manager = within(lambda a: a.domain_access is DomainAccess.MANAGER)
    if len(manager):
        by_config = known.kernel is not None and known.kernel.config.enabled("CPU_USE_DOMAINS")
        why = "CONFIG_CPU_USE_DOMAINS makes the kernel's domain a manager" if by_config else "DACR says so"
        severity = Severity.NOTE if by_config else None
        yield _found("domain-manager", manager, why, "make it a client in DACR", severity)
    shut = within(lambda a: a.domain_access in (DomainAccess.NO_ACCESS, DomainAccess.RESERVED))
    if len(shut):
        half = known.kernel_half
        of_user = half is not None and len(shut.within(Span(half, VA_END))) == 0
        why = "process memory, while the kernel runs under CONFIG_CPU_SW_DOMAIN_PAN" if of_user else "DACR says so"
        severity = Severity.NOTE if of_user else None
        yield _found("domain-no-access", shut, why, "make it a client in DACR", severity)
    beyond = within(lambda a: (a.domain or 0) >= LINUX_DOMAINS)
    if len(beyond):
        numbers = sorted(
            {one.domain for one in beyond.attributes if isinstance(one, Attributes) and one.domain}
            - set(range(LINUX_DOMAINS))
        )
        why = f"domain {', '.join(map(str, numbers))}"
        yield _found("domain-unknown", beyond, why, "find who wrote the entry")


def _found(rule: str, ranges: Ranges, evidence: str, avoid: str, severity: Severity | None = None) -> AuditFinding:
    return finding(rule, evidence, avoid, _places(ranges), len(ranges), severity)


def _places(ranges: Ranges) -> list[Place]:
    return [
        Place(one.va, one.size, one.pa, f"{rights_text(rights_of(one.attributes))}, {memory_text(one.memory)}")
        for one, _ in zip(ranges, range(MOST_PLACES), strict=False)
    ]
