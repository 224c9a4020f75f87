# The least: three files, a command line, and the boot.
setenv bootargs console=ttyAMA0 root=/dev/vda2 rw
load virtio 0 0x41000000 vmlinuz
load virtio 0 0x43000000 board.dtb
load virtio 0 0x44000000 initrd.img
bootz 0x41000000 0x44000000:${filesize} 0x43000000
