#: setenv fdt_addr_r 0x43000000
#: disk true.scr script status-true.txt
#: disk false.scr script status-false.txt
#: disk lines.scr script status-lines.txt
#: disk open.scr script status-open.txt
#: disk comment.scr script status-comment.txt
#: disk empty-if.scr script status-empty-if.txt
# What `source` returns: the status of the last line, which in a script of several lines that ends with one is empty.
setenv s status
for each in true false lines open comment empty-if; do
load virtio 0 ${scriptaddr} ${each}.scr
source ${scriptaddr}
setenv s "${s} ${each}=$?"
source ${scriptaddr} && setenv s "${s}+and"
source ${scriptaddr} || setenv s "${s}+or"
if source ${scriptaddr}; then setenv s "${s}+then"; else setenv s "${s}+else"; fi
done
setenv bootargs "${s} inner=${inner}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
