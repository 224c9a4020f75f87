"""Commands of U-Boot's as scripts use them: which load files, set variables, start something, or do nothing to memory.

Source: cmd/ of U-Boot 2021.01 to 2026.10; the file is named where it is not called like the command.
"""

from __future__ import annotations

BY_DEVICE = frozenset(("load", "fatload", "ext2load", "ext4load", "fsload", "btrload", "sqfsload", "erofsload",
                       "zfsload"))
"""``COMMAND INTERFACE [DEVICE[:PARTITION] [ADDRESS [FILE ...]]]``; set ``filesize`` and ``fileaddr`` (fs/fs.c
``do_load``)."""
BY_ADDRESS = frozenset(("ubifsload", "cramfsload", "jffs2load", "tftp", "tftpboot", "nfs", "dhcp", "bootp", "wget",
                        "loady", "loadb"))
"""``COMMAND [ADDRESS] [FILE]``; they set ``filesize`` too (cmd/net.c, cmd/ubifs.c)."""
RAW_READS = {"mmc": 2, "sf": 2, "nand": 2, "usb": 2, "sata": 2, "scsi": 2, "nvme": 2, "ide": 2, "virtio": 2,
             "ubi": 2, "mtd": 3}
"""``COMMAND read [NAME] ADDRESS ...``: the word with the address."""
HARMLESS = frozenset((
    "echo", "sleep", "mmc", "usb", "sata", "scsi", "nvme", "ide", "virtio", "sf", "nand", "mtd", "ubi", "ubifsmount",
    "printenv", "saveenv", "version", "ls", "fatls", "ext2ls", "ext4ls", "led", "gpio", "i2c", "pci", "net", "ping",
    "bdinfo", "coninfo", "mtdparts", "part", "mdio", "mii", "regulator", "pmic", "cls", "lcdputs", "bmp", "setcurs",
    "gpt", "dm", "showvar", "true", "false", "fdt", "env", "test", "itest", "setenv", "setexpr", "hdmidet", "clk",
    "iminfo", "md", "crc32", "wdt", "dcache", "icache", "power", "pinmux", "splash", "host", "fstype", "fsuuid", "size",
    "read", "run", "virtio", "temperature", "date", "time", "iomux", "fuse", "rng", "blkcache", "fatinfo", "ext4size",
    "fatsize",
))
"""They leave what is loaded where it is."""
STARTS = {
    "bootefi": "UEFI starts the kernel", "booti": "it starts 64-bit kernels", "bootelf": "it starts an ELF file",
    "go": "it starts what is at an address", "bootflow": "it looks for what to boot", "bootvx": "it starts VxWorks",
    "pxe": "it boots what a server says", "bootaux": "it starts another core",
    "boot_android": "it boots from Android's partitions", "abootimg": "it boots an Android image",
    "reset": "it resets the board", "poweroff": "it switches the board off", "fastboot": "it waits for a host",
    "bootd": "it runs bootcmd", "boot": "it runs bootcmd", "bootmenu": "it asks",
}
"""What a replay cannot follow."""
NO_COMMANDS = ("!", "[", "[[")
"""A shell's, which U-Boot has not: "Unknown command", status 1."""
TREE_CHANGES = frozenset((
    "set", "mknode", "rm", "apply", "boardsetup", "systemsetup", "chosen", "memory", "rsvmem", "move", "resize",
    "bootcpu",
))
"""Subcommands of ``fdt`` that change the tree (cmd/fdt.c)."""
