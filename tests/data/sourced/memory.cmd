#: setenv fdt_addr_r 0x43000000
#: disk bytes.bin text memory-bytes.txt
# What a file holds is read from memory; numbers are compared with their sign.
setenv s memory
load virtio 0 0x45000000 bytes.bin
itest *45000000 == 44434241; setenv s "${s} l=$?"
itest.l *0x45000000 == 0x44434241; setenv s "${s} L=$?"
itest.b *45000001 == 42; setenv s "${s} b=$?"
itest.w *45000002 == 4443; setenv s "${s} w=$?"
itest.b 142 == 42; setenv s "${s} mask=$?"
itest.b 42 == *45000001; setenv s "${s} right=$?"
itest 80000000 > 1; setenv s "${s} sign=$?"
itest 80000000 -lt 1; setenv s "${s} less=$?"
itest.s abc == abc; setenv s "${s} str=$?"
itest.s abc < abd; setenv s "${s} order=$?"
itest.s abc == abd; setenv s "${s} unequal=$?"
itest 1; setenv s "${s} usage=$?"
itest 1 foo 1; setenv s "${s} operator=$?"
setexpr v *45000000; setenv s "${s} v=${v}"
setexpr.b v *45000001; setenv s "${s} vb=${v}"
setexpr.w v *45000002 + 1; setenv s "${s} vw=${v}"
setexpr.b v 142; setenv s "${s} vm=${v}"
setexpr v 2 - 3; setenv s "${s} minus=${v}"
load virtio 0 0x45000000 bytes.bin 4 2; setenv s "${s} part=${filesize}"
itest.b *45000000 == 43; setenv s "${s} p0=$?"
itest.b *45000003 == 46; setenv s "${s} p3=$?"
load virtio 0 0x45000010 bytes.bin 0 3; setenv s "${s} tail=${filesize}"
itest.b *45000010 == 44; setenv s "${s} t0=$?"
load virtio 0 0x45000020 bytes.bin 100; setenv s "${s} more=${filesize}"
setenv bootargs "${s}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
