#: setenv fdt_addr_r 0x43000000
# sysboot reads an extlinux.conf, and loads what is in it.
setenv bootargs dropped
sysboot virtio 0 any 0x45000000 extlinux.conf
