#: setenv fdt_addr_r 0x43000000
#: disk plain.txt text formats-a.txt
#: disk bad.scr bad-data formats-a.txt
#: disk worse.scr bad-header formats-a.txt
#: disk kernel.img kernel formats-a.txt
#: disk two.itb fit formats-a.txt formats-b.txt
#: disk default.itb fit-default formats-a.txt formats-b.txt
#: disk config.itb fit-config formats-a.txt formats-b.txt
# What `source` takes for a script, and what it refuses.
setenv s formats
load virtio 0 45000000 plain.txt; source 45000000; setenv s "${s} plain=$?"
source 48000000; setenv s "${s} none=$?"
load virtio 0 45000000 bad.scr; source 45000000; setenv s "${s} bad=$?"
setenv verify n; source 45000000; setenv s "${s} unverified=$?"; setenv verify
load virtio 0 45000000 worse.scr; source 45000000; setenv s "${s} worse=$?"
load virtio 0 45000000 kernel.img; source 45000000; setenv s "${s} kernel=$?"
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
