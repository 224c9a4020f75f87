#: setenv fdt_addr_r 0x43000000
#: setenv device virtio
#: setenv unit 0
#: setenv console ttyAMA0,115200
# As Debian's flash-kernel writes them: folders tried in turn, one chain of loads, the ramdisk last.
setenv bootargs quiet ${bootargs}
if test -n "${console}"; then
  setenv bootargs "${bootargs} console=${console}"
fi
if test -z "${version}"; then setenv version 6.1; fi
if test -n "${unit}"
then
  setenv where ${unit}:${part:-0}
fi
for folder in / /boot/
do
  load ${device} ${where} ${kernel_addr_r} ${folder}vmlinuz \
  && load ${device} ${where} ${fdt_addr_r} ${folder}board.dtb \
  && load ${device} ${where} ${ramdisk_addr_r} ${folder}initrd.img \
  && echo "Booting ${version} from ${folder}..." \
  && bootz ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdt_addr_r}
done
