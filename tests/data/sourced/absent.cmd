#: setenv fdt_addr_r 0x43000000
#: disk here.txt text memory-bytes.txt
# Files that are not there: load fails, ${filesize} stays.
setenv s absent
load virtio 0 0x45000000 here.txt; setenv s "${s} here=$?,${filesize}"
load virtio 0 0x45000000 not-here.txt; setenv s "${s} load=$?,${filesize}"
load virtio 0 0x45000000 no/folder.txt || setenv s "${s} or"
if test -e virtio 0 not-here.txt; then setenv s "${s} there"; else setenv s "${s} away"; fi
if test -e virtio 0 /here.txt; then setenv s "${s} there"; else setenv s "${s} away"; fi
if test ! -e virtio 0 not-here.txt; then setenv s "${s} away"; fi
size virtio 0 here.txt; setenv s "${s} size=$?,${filesize}"
size virtio 0 not-here.txt; setenv s "${s} size=$?,${filesize}"
for file in a.img b.img vmlinuz c.img; do if load virtio 0 ${kernel_addr_r} ${file}; then setenv s "${s} ${file}"; fi; done
setenv bootargs "${s}"
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
