@ A second file, so that two local symbols share a name; linked before tiny.o.
	.data
	.type twice, %object
twice:	.word 4
