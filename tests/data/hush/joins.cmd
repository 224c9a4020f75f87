#: setenv fdt_addr_r 0x43000000
#: setenv two 'one two'
# A backslash at the end of a line; a comment that ends with one; a semicolon by itself.
s=joins
setenv v a\
b; setenv s "${s} 1<${v}>"
setenv v "a\
b"; setenv s "${s} 2<${v}>"
setenv v 'a\
b'; setenv s "${s} 3<${v}>"
# a comment \
setenv s "${s} 4"
true && \
setenv s "${s} 5"
false || \
setenv s "${s} 6"
setenv s "${s} 7";
if true; \
then setenv s "${s} 8"; fi
setenv bootargs "${s}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
