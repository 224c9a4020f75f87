#: setenv fdt_addr_r 0x43000000
#: disk boot/boot2.scr script nested-2.txt
#: disk boot/boot3.scr script nested-3.txt
# A script that loads another, which loads a third, which boots.
setenv bootargs one
load virtio 0 ${scriptaddr} /boot/boot2.scr
source ${scriptaddr}
setenv bootargs "${bootargs} never"
