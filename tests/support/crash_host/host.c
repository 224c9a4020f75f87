/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In crash's place, for a test of its extension: answers from a file, one line each.
 *
 *     flags NUMBER | symbol NAME ADDRESS | linear ADDRESS PHYSICAL | page PHYSICAL HEX
 *
 *     host EXTENSION ANSWERS <COMMANDS
 */
#include "defs.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>

struct page {
	struct page *next;
	ulonglong place;
	unsigned char bytes[4096];
};
struct symbol {
	struct symbol *next;
	ulong value;
	char name[256];
};

static struct machdep_table machine;
static struct command_table_entry *table;
static struct page *pages;
static struct symbol *symbols;
static ulonglong virtual_start, physical_start;
static jmp_buf next_command;

struct machdep_table *machdep = &machine;
FILE *fp;
char *args[MAXARGS];
int argcnt;

void register_extension(struct command_table_entry *entries)
{
	table = entries;
}

int error(int kind, char *format, ...)
{
	va_list values;

	fprintf(stdout, "bootmap: ");
	va_start(values, format);
	vfprintf(stdout, format, values);
	va_end(values);
	if (kind == FATAL)
		longjmp(next_command, 1);
	return 0;
}

int readmem(ulonglong place, int kind, void *to, long size, char *what, ulong flags)
{
	struct page *page;

	if (kind != PHYSADDR || size != sizeof page->bytes || !(flags & RETURN_ON_ERROR))
		abort();
	for (page = pages; page; page = page->next)
		if (page->place == place) {
			memcpy(to, page->bytes, size);
			return TRUE;
		}
	return FALSE;
}

int kvtop(struct task_context *task, ulong address, physaddr_t *to, int verbose)
{
	*to = address - virtual_start + physical_start;
	return TRUE;
}

static struct symbol *found(char *name)
{
	struct symbol *each = symbols;

	while (each && strcmp(each->name, name))
		each = each->next;
	return each;
}

int symbol_exists(char *name)
{
	return found(name) != NULL;
}

ulong symbol_value(char *name)
{
	return found(name)->value;
}

ulong htol(char *text, int flags, int *wrong)
{
	char *end;
	ulong value = strtoul(text, &end, 16);

	if (*end || end == text)
		*wrong = TRUE;
	return value;
}

static void read_answers(const char *name)
{
	static char line[3 * 4096];
	FILE *file = fopen(name, "r");

	while (file && fgets(line, sizeof line, file)) {
		struct page *page = calloc(1, sizeof *page);
		struct symbol *symbol = calloc(1, sizeof *symbol);
		int at = 0, n;

		if (sscanf(line, "page %llx %n", &page->place, &at) == 1 && at) {
			for (n = 0; n < 4096; n++)
				sscanf(line + at + 2 * n, "%2hhx", &page->bytes[n]);
			page->next = pages;
			pages = page;
		} else if (sscanf(line, "symbol %255s %lx", symbol->name, &symbol->value) == 2) {
			symbol->next = symbols;
			symbols = symbol;
		} else if (sscanf(line, "flags %lx", &machine.flags) != 1 &&
			   sscanf(line, "linear %llx %llx", &virtual_start, &physical_start) != 2)
			abort();
	}
}

int main(int count, char **words)
{
	static char line[BUFSIZE];
	char *word;

	if (count != 3)
		return 2;
	fp = stdout;
	read_answers(words[2]);
	if (!dlopen(words[1], RTLD_NOW)) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	while (fgets(line, sizeof line, stdin)) {
		argcnt = 0;
		for (word = strtok(line, " \n"); word && argcnt < MAXARGS - 1; word = strtok(NULL, " \n"))
			args[argcnt++] = word;
		args[argcnt] = NULL;
		if (!setjmp(next_command) && argcnt && !strcmp(args[0], table->name))
			table->func();
		printf("@@@\n");
		fflush(stdout);
	}
	return 0;
}
