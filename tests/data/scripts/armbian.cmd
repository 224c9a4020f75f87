#: setenv fdt_addr_r 0x43000000
#: setenv devtype virtio
#: setenv devnum 0
#: setenv prefix /
#: given console=serial
#: given extraargs=panic=10
# As Armbian's: defaults, a file of variables over them, a command line put together from pieces.
setenv load_addr "0x45000000"
setenv console "both"
setenv verbosity "1"
setenv rootdev "/dev/vda1"
echo "Boot script loaded from ${devtype} ${devnum}"
if test -e ${devtype} ${devnum} ${prefix}env.txt; then
	load ${devtype} ${devnum} ${load_addr} ${prefix}env.txt
	env import -t ${load_addr} ${filesize}
fi
if test "${console}" = "display" || test "${console}" = "both"; then setenv consoleargs "console=tty1"; fi
if test "${console}" = "serial" || test "${console}" = "both"; then setenv consoleargs "console=ttyAMA0 ${consoleargs}"; fi
setenv bootargs "root=${rootdev} rootwait ${consoleargs} loglevel=${verbosity} ${extraargs}"
load ${devtype} ${devnum} ${ramdisk_addr_r} ${prefix}uInitrd
load ${devtype} ${devnum} ${kernel_addr_r} ${prefix}vmlinuz
load ${devtype} ${devnum} ${fdt_addr_r} ${prefix}board.dtb
fdt addr ${fdt_addr_r}
bootz ${kernel_addr_r} ${ramdisk_addr_r} ${fdt_addr_r}
