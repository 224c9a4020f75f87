/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What contrib/crash/bootmap.c uses of crash's defs.h, declared for host.c: names and types as crash 8.0.6 has them
 * there, so that the extension is compiled and run where there is no crash.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong;
typedef unsigned long long ulonglong;
typedef ulonglong physaddr_t;

#define TRUE 1
#define FALSE 0
#define BUFSIZE 1500
#define MAXARGS 100
#define FATAL 1
#define RETURN_ON_ERROR 0x2
#define QUIET 0x4
#define PHYSADDR 0x4
#define PAE 0x800000

struct task_context;
struct command_table_entry {
	char *name;
	void (*func)(void);
	char **help_data;
	ulong flags;
};
struct machdep_table {
	ulong flags;
};

extern struct machdep_table *machdep;
extern FILE *fp;
extern char *args[MAXARGS];
extern int argcnt;

void register_extension(struct command_table_entry *);
int error(int, char *, ...);
int readmem(ulonglong, int, void *, long, char *, ulong);
int kvtop(struct task_context *, ulong, physaddr_t *, int);
int symbol_exists(char *);
ulong symbol_value(char *);
ulong htol(char *, int, int *);
