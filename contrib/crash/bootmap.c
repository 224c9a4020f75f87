/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bootmap inside crash: the kernel's page tables in the dump that crash has open.
 *
 *     crash> extend .../contrib/crash/bootmap.so
 *     crash> help bootmap
 *
 * This half speaks crash: it reads physical memory and knows symbols.  The other half, bootmap-crash.py in the same
 * folder, knows what to ask for and calls bootmap.  It is started for each command, asks on its standard output and is
 * answered on its standard input:
 *
 *     root              -> "ADDRESS LONG": swapper_pg_dir, physical; LONG is 1 where descriptors have 64 bits
 *     value WORD        -> "ADDRESS": what a symbol or a number of crash's is, or "no"
 *     read ADDRESS SIZE -> "SIZE" and so many bytes of physical memory, or "0"
 *     say SIZE          <- so many bytes for the user
 *     keep NAME SIZE    <- so many bytes, the value of an environment variable for commands to come
 *     refuse SIZE       <- so many bytes, why the command fails; the last of a command
 *
 * Build (CRASH is the folder in which crash was built):
 *
 *     gcc -shared -fPIC -DARM -ICRASH -o bootmap.so bootmap.c        and -m32 beside a crash of 32 bits
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr */
#endif
#include "defs.h"

#include <dlfcn.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#define HELPER "bootmap-crash.py"
#define MOST (1 << 26) /* bytes that one message may have */

extern char **environ;

static FILE *asked, *answers;
static pid_t helper;

static void cmd_bootmap(void);

static char *help_bootmap[] = {
	"bootmap",
	"the kernel's page tables, as bootmap reads them",
	"walk ADDRESS... [OPTION...] | tables [OPTION...] | explain ADDRESS... | board [BOARD OPTION...]",
	"  walk     each address down the kernel's page tables, every descriptor decoded;",
	"           an address is a symbol or a number of crash's",
	"  tables   what they map",
	"           options of both are those of the commands bootmap walk and tables:",
	"           --arch v5, --writable, --range START-END, --system-map FILE ...",
	"  board    the device tree and the options that describe the kernel, for explain",
	"  explain  why an address is mapped as it is, by the prediction for that board",
	"",
	"  The command bootmap is called; BOOTMAP_COMMAND in the environment names it",
	"  where it is not on the PATH.",
	NULL
};

static struct command_table_entry commands[] = {
	{ "bootmap", cmd_bootmap, help_bootmap, 0 },
	{ NULL },
};

static void __attribute__((constructor)) loaded(void)
{
	register_extension(commands);
}

static void __attribute__((destructor)) unloaded(void)
{
}

/* Also of a command that Ctrl-C ended: crash then leaves it by a jump. */
static void put_away(void)
{
	if (asked)
		fclose(asked);
	if (answers)
		fclose(answers);
	asked = answers = NULL;
	if (helper > 0)
		while (waitpid(helper, NULL, 0) < 0 && errno == EINTR)
			;
	helper = 0;
}

/* The helper, beside this object. */
static char *helper_path(void)
{
	static char path[BUFSIZE];
	const char *end;
	Dl_info here;
	int length;

	if (!dladdr(help_bootmap, &here) || !here.dli_fname)
		error(FATAL, "cannot find the folder of bootmap.so\n");
	end = strrchr(here.dli_fname, '/');
	length = end ? (int)(end + 1 - here.dli_fname) : 0;
	if (length + sizeof HELPER > sizeof path)
		error(FATAL, "the path of bootmap.so is too long\n");
	memcpy(path, here.dli_fname, length);
	memcpy(path + length, HELPER, sizeof HELPER);
	return path;
}

static void start(void)
{
	int up[2], down[2], failed;
	char *path = helper_path(), *own = args[0];
	posix_spawn_file_actions_t actions;

	if (pipe(up) || pipe(down))
		error(FATAL, "no pipe: %s\n", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, down[0], 0);
	posix_spawn_file_actions_adddup2(&actions, up[1], 1);
	posix_spawn_file_actions_addclose(&actions, up[0]);
	posix_spawn_file_actions_addclose(&actions, down[1]);
	args[0] = path;
	failed = posix_spawn(&helper, path, &actions, NULL, args, environ);
	args[0] = own;
	posix_spawn_file_actions_destroy(&actions);
	close(down[0]);
	close(up[1]);
	asked = fdopen(up[0], "r");
	answers = fdopen(down[1], "w");
	if (failed) {
		helper = 0;
		put_away();
		error(FATAL, "%s cannot be run: %s\n", path, strerror(failed));
	}
}

/* The SIZE bytes that follow a message; the caller frees them. */
static char *body(const char *size)
{
	unsigned long length = strtoul(size, NULL, 10);
	char *text = length <= MOST ? malloc(length + 1) : NULL;

	if (!text || fread(text, 1, length, asked) != length) {
		free(text);
		put_away();
		error(FATAL, HELPER " broke off\n");
	}
	text[length] = '\0';
	return text;
}

static void answer_root(void)
{
	physaddr_t place = 0;

	if (!symbol_exists("swapper_pg_dir") ||
	    !kvtop(NULL, symbol_value("swapper_pg_dir"), &place, 0))
		fprintf(answers, "no\n");
	else
		fprintf(answers, "0x%llx %d\n", (unsigned long long)place, !!(machdep->flags & PAE));
}

static void answer_value(char *word)
{
	int wrong = FALSE;
	ulong value;

	if (symbol_exists(word))
		value = symbol_value(word);
	else
		value = htol(word, RETURN_ON_ERROR | QUIET, &wrong);
	if (wrong)
		fprintf(answers, "no\n");
	else
		fprintf(answers, "0x%lx\n", value);
}

static void answer_read(const char *words)
{
	unsigned long long place = 0;
	unsigned long size = 0;
	char *bytes;

	bytes = sscanf(words, "%llx %lu", &place, &size) == 2 && size <= MOST ? malloc(size) : NULL;
	if (bytes && readmem(place, PHYSADDR, bytes, size, "bootmap's page", RETURN_ON_ERROR | QUIET)) {
		fprintf(answers, "%lu\n", size);
		fwrite(bytes, 1, size, answers);
	} else
		fprintf(answers, "0\n");
	free(bytes);
}

static void cmd_bootmap(void)
{
	void (*before)(int);
	char line[BUFSIZE], why[BUFSIZE], *text, *size;
	int refused = FALSE;

	put_away();
	before = signal(SIGPIPE, SIG_IGN); /* a helper that is gone is no reason for crash to end */
	start();
	while (!refused && fgets(line, sizeof line, asked)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strcmp(line, "root"))
			answer_root();
		else if (!strncmp(line, "value ", 6))
			answer_value(line + 6);
		else if (!strncmp(line, "read ", 5))
			answer_read(line + 5);
		else if (!strncmp(line, "say ", 4)) {
			text = body(line + 4);
			fputs(text, fp);
			free(text);
		} else if (!strncmp(line, "keep ", 5) && (size = strchr(line + 5, ' '))) {
			*size++ = '\0';
			text = body(size);
			setenv(line + 5, text, TRUE);
			free(text);
		} else if (!strncmp(line, "refuse ", 7)) {
			text = body(line + 7);
			snprintf(why, sizeof why, "%s", text);
			free(text);
			refused = TRUE;
		} else
			break;
		fflush(answers);
	}
	put_away();
	signal(SIGPIPE, before);
	if (refused)
		error(FATAL, "%s\n", why);
}
