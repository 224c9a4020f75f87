# Set the command line, load from the first partition, boot; the ramdisk is loaded last, so ${filesize} is its size.
if test -n "${console}"; then setenv bootargs "console=${console}"; fi
setenv bootargs root=/dev/vda2 ro ${bootargs}
setenv fdt_high 0x50000000
setenv initrd_high 0x60000000
load virtio 0:1 ${kernel_addr_r} /boot/vmlinuz \
&& load virtio 0:1 0x43000000 /boot/board.dtb \
&& load virtio 0:1 ${ramdisk_addr_r} /boot/initrd.img \
&& bootz ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} 0x43000000
echo "Nothing was booted"
