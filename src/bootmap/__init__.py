"""bootmap: how Linux will map a 32-bit ARM board's memory, before it boots.

>>> import bootmap
>>> kernel = bootmap.Kernel.load(
...     config="boards/linux-6.1-armmp/config.gz", system_map="boards/linux-6.1-armmp/System.map"
... )
>>> board = bootmap.Board.load("boards/imx6q-sabrelite.dtb", phys_offset=0x1000_0000)
>>> bootmap.predict(kernel, board)
<Prediction BOOTS: Linux 6.1.176 on boards/imx6q-sabrelite.dtb, cortex-a9>

Everything public is here; the rooms behind it may change.  Names are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bootmap.analysis.audit.finding import Audit as Audit
    from bootmap.analysis.explain import PhysicalFacts as PhysicalFacts
    from bootmap.analysis.layout import LoadMap as LoadMap
    from bootmap.analysis.translation import Translation as Translation
    from bootmap.api.archives import collect_script as collect_script
    from bootmap.api.archives import keep_archive as keep_archive
    from bootmap.api.archives import open_archive as open_archive
    from bootmap.api.check import check as check
    from bootmap.api.check import findings_of as findings_of
    from bootmap.api.dumps import locate as locate
    from bootmap.api.dumps import oopses as oopses
    from bootmap.api.kernels import features as features
    from bootmap.api.layout import load_map_of as load_map
    from bootmap.api.logs import diagnose_log as diagnose
    from bootmap.api.logs import verify_archive as verify_archive
    from bootmap.api.logs import verify_log as verify_log
    from bootmap.api.memblock import MemblockRun as MemblockRun
    from bootmap.api.memblock import memblock_script as memblock_script
    from bootmap.api.prediction import Explanation as Explanation
    from bootmap.api.prediction import Prediction as Prediction
    from bootmap.api.prediction import Stage as Stage
    from bootmap.api.prediction import predict as predict
    from bootmap.assemble.board import Board as Board
    from bootmap.assemble.kernel import Kernel as Kernel
    from bootmap.assemble.load import load as load
    from bootmap.assemble.load import load_boards as load_boards
    from bootmap.assemble.load import load_kernel as load_kernel
    from bootmap.assemble.profiles import profile as typical_kernel
    from bootmap.assemble.texts import parse_place as place_of
    from bootmap.assemble.texts import parse_size as size_of
    from bootmap.assemble.texts import parse_span as span_of
    from bootmap.assumptions import Assumption as Assumption
    from bootmap.boot.memblock import MemblockDeath as MemblockDeath
    from bootmap.boot.sequence import STAGE_NAMES as STAGES
    from bootmap.boot.trace import Hazard as Hazard
    from bootmap.boot.trace import Outcome as Outcome
    from bootmap.boot.trace import Verdict as Verdict
    from bootmap.bootlog.diagnosis import Diagnosis as Diagnosis
    from bootmap.bootlog.judgement import LogReport as LogReport
    from bootmap.checks.engine import CheckResult as CheckResult
    from bootmap.checks.finding import Change as Change
    from bootmap.checks.finding import Finding as Finding
    from bootmap.checks.fix import write_fix as write_fix
    from bootmap.checks.settings import Settings as CheckSettings
    from bootmap.checks.settings import baseline_text as baseline_text
    from bootmap.checks.settings import read_baseline as read_baseline
    from bootmap.checks.settings import read_settings as read_check_settings
    from bootmap.errors import BootmapError as BootmapError
    from bootmap.explore.bitmap import png_of as draw_png
    from bootmap.explore.drawing import draw as draw
    from bootmap.explore.page import page_of as explore_page
    from bootmap.explore.serve import serve as serve
    from bootmap.explore.sides import opened_side as explore_side
    from bootmap.explore.sides import prediction_side as explore_prediction
    from bootmap.facts.arm.names import ARCH_NAMES as ARCH_NAMES
    from bootmap.facts.arm.names import REGISTERS as REGISTERS
    from bootmap.facts.arm.permissions import Rights as Rights
    from bootmap.facts.audit_rules import Severity as Severity
    from bootmap.facts.check_rules import RULES as CHECK_RULES
    from bootmap.inputs.board_paths import ENDINGS as BOARD_ENDINGS
    from bootmap.inputs.board_paths import board_files as board_files
    from bootmap.inputs.board_paths import boards_below as boards_below
    from bootmap.inputs.memblock_script import PARAMETERS as MEMBLOCK_CALLS
    from bootmap.plan.barebox import barebox_chain as barebox_chain
    from bootmap.plan.chain import Chain as Chain
    from bootmap.plan.chain import chain as chain
    from bootmap.plan.efi import efi_chain as efi_chain
    from bootmap.plan.environment import with_environment as with_environment
    from bootmap.plan.kexec import KexecChain as KexecChain
    from bootmap.plan.kexec import KexecSetup as KexecSetup
    from bootmap.plan.kexec import kexec_chain as kexec_chain
    from bootmap.plan.load import uboot_setups as uboot_setups
    from bootmap.plan.load_kexec import kexec_setup as kexec_setup
    from bootmap.plan.propose import Proposal as Proposal
    from bootmap.plan.propose import propose as propose
    from bootmap.plan.rpi import rpi_chain as rpi_chain
    from bootmap.plan.setup import LoaderSetup as BootSetup
    from bootmap.source.audit import audit as audit
    from bootmap.source.diff import TablesDiff as TablesDiff
    from bootmap.source.diff import diff as diff
    from bootmap.source.listings import crash_of as crash_of
    from bootmap.source.listings import ptdump_of as ptdump_of
    from bootmap.source.open import check_stage as check_stage
    from bootmap.source.open import open_tables as open
    from bootmap.source.raw import core_of as core_of
    from bootmap.source.tables import Tables as Tables
    from bootmap.sweep.blame import Blame as SweepBlame
    from bootmap.sweep.blame import blames as blame_changes
    from bootmap.sweep.cache import usual_place as sweep_cache
    from bootmap.sweep.compare import SweepComparison as SweepComparison
    from bootmap.sweep.compare import compare_files as compare_sweeps
    from bootmap.sweep.compare import compare_rows as compare_sides
    from bootmap.sweep.limits import Limits as SweepLimits
    from bootmap.sweep.pages import write_pages as sweep_pages
    from bootmap.sweep.row import Row as SweepRow
    from bootmap.sweep.run import Sweep as Sweep
    from bootmap.sweep.run import SweepRun as SweepRun
    from bootmap.sweep.run import run_sweep as run_sweep
    from bootmap.sweep.store import read_rows as read_rows
    from bootmap.sweep.store import write_parquet as write_parquet
    from bootmap.sweep.summary import summary_of as sweep_summary
    from bootmap.units import Span as Span
    from bootmap.verify.compare import ComparedAs as Comparison
    from bootmap.verify.fuzz.campaign import Result as FuzzResult
    from bootmap.verify.fuzz.run import fuzz_campaign as fuzz_campaign
    from bootmap.verify.kernel_findings import FindingRecord as FindingRecord
    from bootmap.verify.kernel_findings import kernel_findings as kernel_findings
    from bootmap.verify.loader.run import boot_with_loader as boot_with_loader
    from bootmap.verify.run import STEPS as BOOT_STEPS
    from bootmap.verify.run import boot_boards as boot_boards
    from bootmap.verify.run import keep_recording as keep_recording

# public name -> (module, name there)
_PUBLIC = {
    "ARCH_NAMES": ("bootmap.facts.arm.names", "ARCH_NAMES"),
    "Assumption": ("bootmap.assumptions", "Assumption"),
    "Audit": ("bootmap.analysis.audit.finding", "Audit"),
    "BOARD_ENDINGS": ("bootmap.inputs.board_paths", "ENDINGS"),
    "BOOT_STEPS": ("bootmap.verify.run", "STEPS"),
    "Board": ("bootmap.assemble.board", "Board"),
    "BootSetup": ("bootmap.plan.setup", "LoaderSetup"),
    "BootmapError": ("bootmap.errors", "BootmapError"),
    "CHECK_RULES": ("bootmap.facts.check_rules", "RULES"),
    "Chain": ("bootmap.plan.chain", "Chain"),
    "Change": ("bootmap.checks.finding", "Change"),
    "CheckResult": ("bootmap.checks.engine", "CheckResult"),
    "CheckSettings": ("bootmap.checks.settings", "Settings"),
    "Comparison": ("bootmap.verify.compare", "ComparedAs"),
    "Diagnosis": ("bootmap.bootlog.diagnosis", "Diagnosis"),
    "Explanation": ("bootmap.api.prediction", "Explanation"),
    "Finding": ("bootmap.checks.finding", "Finding"),
    "FindingRecord": ("bootmap.verify.kernel_findings", "FindingRecord"),
    "FuzzResult": ("bootmap.verify.fuzz.campaign", "Result"),
    "Hazard": ("bootmap.boot.trace", "Hazard"),
    "Kernel": ("bootmap.assemble.kernel", "Kernel"),
    "KexecChain": ("bootmap.plan.kexec", "KexecChain"),
    "KexecSetup": ("bootmap.plan.kexec", "KexecSetup"),
    "LoadMap": ("bootmap.analysis.layout", "LoadMap"),
    "LogReport": ("bootmap.bootlog.judgement", "LogReport"),
    "MEMBLOCK_CALLS": ("bootmap.inputs.memblock_script", "PARAMETERS"),
    "MemblockDeath": ("bootmap.boot.memblock", "MemblockDeath"),
    "MemblockRun": ("bootmap.api.memblock", "MemblockRun"),
    "Outcome": ("bootmap.boot.trace", "Outcome"),
    "PhysicalFacts": ("bootmap.analysis.explain", "PhysicalFacts"),
    "Prediction": ("bootmap.api.prediction", "Prediction"),
    "Proposal": ("bootmap.plan.propose", "Proposal"),
    "REGISTERS": ("bootmap.facts.arm.names", "REGISTERS"),
    "Rights": ("bootmap.facts.arm.permissions", "Rights"),
    "STAGES": ("bootmap.boot.sequence", "STAGE_NAMES"),
    "Severity": ("bootmap.facts.audit_rules", "Severity"),
    "Span": ("bootmap.units", "Span"),
    "Stage": ("bootmap.api.prediction", "Stage"),
    "Sweep": ("bootmap.sweep.run", "Sweep"),
    "SweepBlame": ("bootmap.sweep.blame", "Blame"),
    "SweepComparison": ("bootmap.sweep.compare", "SweepComparison"),
    "SweepLimits": ("bootmap.sweep.limits", "Limits"),
    "SweepRow": ("bootmap.sweep.row", "Row"),
    "SweepRun": ("bootmap.sweep.run", "SweepRun"),
    "Tables": ("bootmap.source.tables", "Tables"),
    "TablesDiff": ("bootmap.source.diff", "TablesDiff"),
    "Translation": ("bootmap.analysis.translation", "Translation"),
    "Verdict": ("bootmap.boot.trace", "Verdict"),
    "audit": ("bootmap.source.audit", "audit"),
    "barebox_chain": ("bootmap.plan.barebox", "barebox_chain"),
    "baseline_text": ("bootmap.checks.settings", "baseline_text"),
    "blame_changes": ("bootmap.sweep.blame", "blames"),
    "board_files": ("bootmap.inputs.board_paths", "board_files"),
    "boards_below": ("bootmap.inputs.board_paths", "boards_below"),
    "boot_boards": ("bootmap.verify.run", "boot_boards"),
    "boot_with_loader": ("bootmap.verify.loader.run", "boot_with_loader"),
    "chain": ("bootmap.plan.chain", "chain"),
    "check": ("bootmap.api.check", "check"),
    "check_stage": ("bootmap.source.open", "check_stage"),
    "collect_script": ("bootmap.api.archives", "collect_script"),
    "compare_sides": ("bootmap.sweep.compare", "compare_rows"),
    "compare_sweeps": ("bootmap.sweep.compare", "compare_files"),
    "core_of": ("bootmap.source.raw", "core_of"),
    "crash_of": ("bootmap.source.listings", "crash_of"),
    "diagnose": ("bootmap.api.logs", "diagnose_log"),
    "diff": ("bootmap.source.diff", "diff"),
    "draw": ("bootmap.explore.drawing", "draw"),
    "draw_png": ("bootmap.explore.bitmap", "png_of"),
    "efi_chain": ("bootmap.plan.efi", "efi_chain"),
    "explore_page": ("bootmap.explore.page", "page_of"),
    "explore_prediction": ("bootmap.explore.sides", "prediction_side"),
    "explore_side": ("bootmap.explore.sides", "opened_side"),
    "features": ("bootmap.api.kernels", "features"),
    "findings_of": ("bootmap.api.check", "findings_of"),
    "fuzz_campaign": ("bootmap.verify.fuzz.run", "fuzz_campaign"),
    "keep_archive": ("bootmap.api.archives", "keep_archive"),
    "keep_recording": ("bootmap.verify.run", "keep_recording"),
    "kernel_findings": ("bootmap.verify.kernel_findings", "kernel_findings"),
    "kexec_chain": ("bootmap.plan.kexec", "kexec_chain"),
    "kexec_setup": ("bootmap.plan.load_kexec", "kexec_setup"),
    "load": ("bootmap.assemble.load", "load"),
    "load_boards": ("bootmap.assemble.load", "load_boards"),
    "load_kernel": ("bootmap.assemble.load", "load_kernel"),
    "load_map": ("bootmap.api.layout", "load_map_of"),
    "locate": ("bootmap.api.dumps", "locate"),
    "memblock_script": ("bootmap.api.memblock", "memblock_script"),
    "oopses": ("bootmap.api.dumps", "oopses"),
    "open": ("bootmap.source.open", "open_tables"),
    "open_archive": ("bootmap.api.archives", "open_archive"),
    "place_of": ("bootmap.assemble.texts", "parse_place"),
    "predict": ("bootmap.api.prediction", "predict"),
    "propose": ("bootmap.plan.propose", "propose"),
    "ptdump_of": ("bootmap.source.listings", "ptdump_of"),
    "read_baseline": ("bootmap.checks.settings", "read_baseline"),
    "read_check_settings": ("bootmap.checks.settings", "read_settings"),
    "read_rows": ("bootmap.sweep.store", "read_rows"),
    "rpi_chain": ("bootmap.plan.rpi", "rpi_chain"),
    "run_sweep": ("bootmap.sweep.run", "run_sweep"),
    "serve": ("bootmap.explore.serve", "serve"),
    "size_of": ("bootmap.assemble.texts", "parse_size"),
    "span_of": ("bootmap.assemble.texts", "parse_span"),
    "sweep_cache": ("bootmap.sweep.cache", "usual_place"),
    "sweep_pages": ("bootmap.sweep.pages", "write_pages"),
    "sweep_summary": ("bootmap.sweep.summary", "summary_of"),
    "typical_kernel": ("bootmap.assemble.profiles", "profile"),
    "uboot_setups": ("bootmap.plan.load", "uboot_setups"),
    "verify_archive": ("bootmap.api.logs", "verify_archive"),
    "verify_log": ("bootmap.api.logs", "verify_log"),
    "with_environment": ("bootmap.plan.environment", "with_environment"),
    "write_fix": ("bootmap.checks.fix", "write_fix"),
    "write_parquet": ("bootmap.sweep.store", "write_parquet"),
}

__all__ = [
    "ARCH_NAMES",
    "BOARD_ENDINGS",
    "BOOT_STEPS",
    "CHECK_RULES",
    "MEMBLOCK_CALLS",
    "REGISTERS",
    "STAGES",
    "Assumption",
    "Audit",
    "Board",
    "BootSetup",
    "BootmapError",
    "Chain",
    "Change",
    "CheckResult",
    "CheckSettings",
    "Comparison",
    "Diagnosis",
    "Explanation",
    "Finding",
    "FindingRecord",
    "FuzzResult",
    "Hazard",
    "Kernel",
    "KexecChain",
    "KexecSetup",
    "LoadMap",
    "LogReport",
    "MemblockDeath",
    "MemblockRun",
    "Outcome",
    "PhysicalFacts",
    "Prediction",
    "Proposal",
    "Rights",
    "Severity",
    "Span",
    "Stage",
    "Sweep",
    "SweepBlame",
    "SweepComparison",
    "SweepLimits",
    "SweepRow",
    "SweepRun",
    "Tables",
    "TablesDiff",
    "Translation",
    "Verdict",
    "audit",
    "barebox_chain",
    "baseline_text",
    "blame_changes",
    "board_files",
    "boards_below",
    "boot_boards",
    "boot_with_loader",
    "chain",
    "check",
    "check_stage",
    "collect_script",
    "compare_sides",
    "compare_sweeps",
    "core_of",
    "crash_of",
    "diagnose",
    "diff",
    "draw",
    "draw_png",
    "efi_chain",
    "explore_page",
    "explore_prediction",
    "explore_side",
    "features",
    "findings_of",
    "fuzz_campaign",
    "keep_archive",
    "keep_recording",
    "kernel_findings",
    "kexec_chain",
    "kexec_setup",
    "load",
    "load_boards",
    "load_kernel",
    "load_map",
    "locate",
    "memblock_script",
    "oopses",
    "open",
    "open_archive",
    "place_of",
    "predict",
    "propose",
    "ptdump_of",
    "read_baseline",
    "read_check_settings",
    "read_rows",
    "rpi_chain",
    "run_sweep",
    "serve",
    "size_of",
    "span_of",
    "sweep_cache",
    "sweep_pages",
    "sweep_summary",
    "typical_kernel",
    "uboot_setups",
    "verify_archive",
    "verify_log",
    "with_environment",
    "write_fix",
    "write_parquet",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'bootmap' has no attribute {name!r}")
    module, inner = _PUBLIC[name]
    value = getattr(importlib.import_module(module), inner)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
