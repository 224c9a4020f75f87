#!/bin/sh
# What Linux says of its memory, gathered into one archive for `bootmap diagnose`, `verify` and `record`.
#
#   sh collect.sh > board.tar.gz       as root, on the board; busybox is enough
#   sh collect.sh --text               the same as text, for a board that has only a serial console:
#                                      keep what is printed and give that to bootmap
#
# It reads, and changes nothing: what it writes is in a folder of its own under /tmp, which it removes.
# The archive holds serial numbers, MAC addresses and the like where the board shows them; `bootmap record` takes
# them out.
set -u
umask 077
PATH=$PATH:/bin:/sbin:/usr/bin:/usr/sbin
work=${TMPDIR:-/tmp}/bootmap.$$
mkdir "$work" || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
out=$work/bootmap
mkdir "$out"

keep() { # NAME FILE: the file, where it can be read and says anything
    if [ -r "$2" ]; then
        cat "$2" > "$out/$1" 2>/dev/null
    fi
    if [ ! -s "$out/$1" ]; then
        rm -f "$out/$1"
    fi
}

# The log, and where its beginning was overwritten, the one that was kept at boot.
dmesg > "$out/dmesg" 2>/dev/null
if ! grep -q 'Linux version' "$out/dmesg"; then
    keep dmesg.boot /var/log/dmesg
    if [ ! -f "$out/dmesg.boot" ] && command -v journalctl > /dev/null; then
        journalctl -k -b -o short-monotonic --no-hostname > "$out/dmesg.boot" 2>/dev/null
    fi
fi

for name in iomem cmdline cpuinfo version meminfo zoneinfo buddyinfo config.gz; do
    keep "$name" "/proc/$name"
done
release=$(uname -r)
[ -f "$out/config.gz" ] || keep config "/boot/config-$release"
[ -f "$out/config.gz" ] || [ -f "$out/config" ] || keep config "/lib/modules/$release/build/.config"
keep System.map "/boot/System.map-$release"
if [ ! -f "$out/System.map" ] && [ -r /proc/kallsyms ]; then
    # Without a module's name behind them; all zero where they are hidden.
    grep -v '\[' /proc/kallsyms | grep -v '^00000000 ' > "$out/kallsyms"
    [ -s "$out/kallsyms" ] || rm -f "$out/kallsyms"
fi

# The device tree: the blob, or the tree as folders.
keep fdt /sys/firmware/fdt
if [ ! -f "$out/fdt" ]; then
    for tree in /sys/firmware/devicetree/base /proc/device-tree; do
        if [ -d "$tree" ]; then
            cp -R "$tree/." "$out/device-tree" 2>/dev/null
            break
        fi
    done
fi

# What debugfs shows, where it is mounted.
debug=/sys/kernel/debug
keep memblock-memory "$debug/memblock/memory"
keep memblock-reserved "$debug/memblock/reserved"
keep kernel_page_tables "$debug/kernel_page_tables"
[ -f "$out/kernel_page_tables" ] || keep kernel_page_tables "$debug/page_tables/kernel"

pack() {
    if command -v gzip > /dev/null; then
        tar -c -f - -C "$work" bootmap | gzip -c
    else
        tar -c -f - -C "$work" bootmap
    fi
}

if [ "${1:-}" = --text ]; then
    echo '-----BEGIN BOOTMAP ARCHIVE-----'
    if command -v base64 > /dev/null; then
        pack | base64
    else
        pack | uuencode -m archive | sed -e '/^begin-base64/d' -e '/^====/d'
    fi
    echo '-----END BOOTMAP ARCHIVE-----'
elif [ -t 1 ]; then
    echo 'the archive is no text: sh collect.sh > board.tar.gz, or sh collect.sh --text' >&2
    exit 2
else
    pack
fi
