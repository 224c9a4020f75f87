#: setenv fdt_addr_r 0x43000000
#: setenv two 'one two'
#: setenv led ' led '
#: setenv blank ' '
#: setenv quotes 'a "b c" d'
#: setenv slash 'a\\b'
# What becomes of words: quotes, escapes, values that are split.
s=words
setenv v a '' b; setenv s "${s} 1<${v}>"
setenv v a "" b; setenv s "${s} 2<${v}>"
setenv v x${two}y; setenv s "${s} 3<${v}>"
setenv v "x${two}y" 'z  w'; setenv s "${s} 4<${v}>"
setenv v ${led}; setenv s "${s} 5<${v}>"
setenv v x${led}y; setenv s "${s} 6<${v}>"
setenv v ${blank}x ${none} y; setenv s "${s} 7<${v}>"
setenv v ${quotes}; setenv s "${s} 8<${v}>"
setenv v "${quotes}"; setenv s "${s} 9<${v}>"
setenv v a\ b "g\\h" "i\j" 'k\l'; setenv s "${s} 10<${v}>"
setenv v $two$two "$two"x; setenv s "${s} 12<${v}>"
setenv v a$ b $; setenv s "${s} 13<${v}>"
setenv v a#b #c
setenv s "${s} 14<${v}>"
setenv v *.x [a] ?; setenv s "${s} 15<${v}>"
setenv v "a'b" 'c"d'; setenv s "${s} 16<${v}>"
setenv bootargs "${s}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
