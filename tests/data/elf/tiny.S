@ A kernel in miniature for the tests of inputs/elf.py:
@   config: a header line for Linux/arm 5.10.223, CONFIG_MMU=y and CONFIG_PAGE_OFFSET=0xC0000000
@   (printf IKCFG_ST; gzip -n9 < config; printf IKCFG_ED) > ikconfig
@   arm-linux-gnueabi-as -o tiny.o tiny.S; arm-linux-gnueabi-as -o second.o second.S
@   arm-linux-gnueabi-ld -T tiny.lds -o tiny.elf second.o tiny.o
@   arm-linux-gnueabi-nm -n tiny.elf > tiny.nm
	.syntax unified
	.section .head.text, "ax"
	.arm
	.global stext
	.type stext, %function
stext:	mov r0, r0
	b __turn_mmu_on
	.word 0x12345678
	.text
	.type __turn_mmu_on, %function
__turn_mmu_on:
	bx lr
	.weak pcibios_setup
	.type pcibios_setup, %function
pcibios_setup:
	bx lr
	.global nothing_satisfies_this
	.weak nothing_satisfies_this
	.word nothing_satisfies_this
	.thumb
	.thumb_func
	.global in_thumb
	.type in_thumb, %function
in_thumb:
	bx lr
	nop
	.section .rodata, "a"
	.global linux_banner
linux_banner:
	.asciz "Linux version 5.10.223+ (me@here) (gcc 10) #7 SMP Thu Jan 1 00:00:00 UTC 1970\n"
	.type twice, %object
twice:	.word 1
	.size twice, 4
	.weak weak_table
	.type weak_table, %object
weak_table:	.word 2
	.incbin "ikconfig"
	.data
	.global init_task
init_task: .word 3
twice_at:	.word twice
	.set twice_again, .
	.bss
	.global memblock
memblock: .space 64
local_in_bss: .space 12
	.section .comment_like, "", %progbits
in_debug: .word 9
	.global swapper_pg_dir
	.set swapper_pg_dir, 0xc0204000
	.set local_constant, 42
