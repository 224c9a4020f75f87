#: setenv fdt_addr_r 0x43000000
#: disk plain.txt text formats-a.txt
#: disk bad.scr bad-data formats-a.txt
#: disk worse.scr bad-header formats-a.txt
#: disk kernel.img kernel formats-a.txt
# What `source` takes for a script, and what it refuses.
setenv s formats
load virtio 0 45000000 plain.txt; source 45000000; setenv s "${s} plain=$?"
load virtio 0 45000000 bad.scr; source 45000000; setenv s "${s} bad=$?"
setenv verify n; source 45000000; setenv s "${s} unverified=$?"; setenv verify
load virtio 0 45000000 worse.scr; source 45000000; setenv s "${s} worse=$?"
load virtio 0 45000000 kernel.img; source 45000000; setenv s "${s} kernel=$?"
setenv bootargs "${s} inner=${inner}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
