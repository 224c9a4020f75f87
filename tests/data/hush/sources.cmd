#: setenv fdt_addr_r 0x43000000
#: disk true.scr script ../sourced/status-true.txt
#: disk false.scr script ../sourced/status-false.txt
#: disk lines.scr script ../sourced/status-lines.txt
#: disk open.scr script ../sourced/status-open.txt
#: disk comment.scr script ../sourced/status-comment.txt
#: disk if.scr script ../sourced/status-empty-if.txt
#: disk remark.scr script remark.txt
# What source returns.
s=sources
load virtio 0 ${scriptaddr} true.scr; source ${scriptaddr}; s="${s} true=$?"
load virtio 0 ${scriptaddr} false.scr; source ${scriptaddr}; s="${s} false=$?"
load virtio 0 ${scriptaddr} lines.scr; source ${scriptaddr}; s="${s} lines=$?"
load virtio 0 ${scriptaddr} open.scr; source ${scriptaddr}; s="${s} open=$?"
load virtio 0 ${scriptaddr} comment.scr; source ${scriptaddr}; s="${s} comment=$?"
load virtio 0 ${scriptaddr} if.scr; source ${scriptaddr}; s="${s} if=$?"
load virtio 0 ${scriptaddr} remark.scr; false; source ${scriptaddr}; s="${s} remark=$?"
s="${s} inner=${inner}"
setenv bootargs "${s}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
