#: setenv fdt_addr_r 0x43000000
#: disk two.itb fit formats-a.txt formats-b.txt
#: disk default.itb fit-default formats-a.txt formats-b.txt
#: disk config.itb fit-config formats-a.txt formats-b.txt
# Scripts in a FIT image: by name, the default, and since 2023.04 that of a configuration.
setenv s fits
load virtio 0 45000000 two.itb; source 45000000; setenv s "${s} two=$?"
source 45000000:formats-b; setenv s "${s} b=$?"
source 45000000:no; setenv s "${s} no=$?"
load virtio 0 45000000 default.itb; source 45000000; setenv s "${s} default=$?"
source 45000000:formats-a; setenv s "${s} a=$?"
load virtio 0 45000000 config.itb; source 45000000; setenv s "${s} config=$?"
source 45000000#other; setenv s "${s} other=$?"
source 45000000#none; setenv s "${s} none=$?"
setenv bootargs "${s} inner=${inner}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
