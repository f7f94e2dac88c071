// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Build-time generator: copies a page from stdin to stdout and puts what the
 * parameter table knows in place of lines "@NAME@".
 */
#include <ctype.h>
#include <stdio.h>

#include "conf/conf.h"

/* ---- mdoc ------------------------------------------------------------ */

/* Text for a line that does not start with a macro; one sentence a line. */
static void mdoc_text(const char *s)
{
	bool start = true;

	for (; *s; s++) {
		if (start && (*s == '.' || *s == '\''))
			fputs("\\&", stdout);
		start = false;
		if (*s == '\\')
			fputs("\\e", stdout);
		else
			putchar(*s);
		if (*s == '.' && s[1] == ' ') {
			putchar('\n');
			start = true;
			s++;
		}
	}
	putchar('\n');
}

/* An argument of a macro, quoted. */
static void mdoc_arg(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"')
			fputs("\\(dq", stdout);
		else if (*s == '\\')
			fputs("\\e", stdout);
		else
			putchar(*s);
	}
	putchar('"');
}

static const char *metavar(const struct param *p)
{
	static const char *const names[] = {
		[PT_STR] = "TEXT", [PT_PATH] = "DIR", [PT_HOSTNAME] = "NAME", [PT_NAME] = "NAME",
		[PT_TEMPLATE] = "NAME", [PT_ENUM] = "WORD", [PT_LAYOUT] = "LAYOUT",
		[PT_CPUSET] = "LIST",
		[PT_DECIMAL] = "X", [PT_BOOL] = "yes|no", [PT_UINT] = "N", [PT_PERCENT] = "N[%]",
		[PT_RATE] = "N[KMG]", [PT_SIZE] = "N[KMGT]", [PT_PAIR] = "N[:N]",
		[PT_IPLIST] = "ADDR[/LEN]",
		[PT_ADDRLIST] = "ADDR", [PT_WORDLIST] = "NAME", [PT_BINDLIST] = "SRC:DST[,OPT...]",
		[PT_FWDLIST] = "[ADDR:]PORT[-END]:CTPORT[/udp]",
		[PT_RATELIST] = "DEV:CLASS:KBITS",
		[PT_NETIF] = "IF[,MAC,HOSTIF,HOSTMAC,BRIDGE]", [PT_TOGGLES] = "NAME:on|off",
		[PT_DEVICES] = "b|c:MAJ:MIN:ACCESS", [PT_DEVNODES] = "NAME:ACCESS",
	};

	return names[p->type];
}

static void option_line(const char *list, const char *arg, char short_opt)
{
	while (*(list += strspn(list, " "))) {
		size_t n = strcspn(list, " ");

		printf(".It Fl -%.*s Ar ", (int)n, list);
		mdoc_arg(arg);
		putchar('\n');
		list += n;
	}
	if (short_opt) {
		printf(".It Fl %c Ar ", short_opt);
		mdoc_arg(arg);
		putchar('\n');
	}
}

static void accepted_words(const struct param *p)
{
	const char *w = p->words;

	if (!w)
		return;
	fputs(p->type == PT_TOGGLES ? "Names:\n" : "Words:\n", stdout);
	while (*(w += strspn(w, " "))) {
		size_t n = strcspn(w, " ");
		bool last = !w[n];

		printf(".Cm %.*s%s\n", (int)n, w, last ? " ." : " ,");
		w += n;
	}
}

static void range(const struct param *p)
{
	if (p->type == PT_UINT && p->max && p->max < 4000000000u)
		printf("From %llu to %llu.\n", (unsigned long long)p->min,
		       (unsigned long long)p->max);
}

static void remarks(const struct param *p, bool option)
{
	if (p->action == PA_WARN) {
		printf("Stored, but has no effect:\n");
		mdoc_text(p->reason);
	}
	if (option && (p->flags & PF_NEEDS_SAVE))
		puts("Needs\n.Fl -save\nwith\n.Cm set .");
	if (option && (p->when & WHEN_START) && !(p->when & WHEN_LIVE) && p->action != PA_STORE)
		puts("Takes effect when the container is started.");
}

static const char *section(const struct param *p)
{
	if (p->action == PA_STORE || p->action == PA_REJECT)
		return "Stored for other tools";
	switch ((enum param_group)p->group) {
	case PG_MEM:
		return "Memory and counts";
	case PG_CPU:
		return "Processor";
	case PG_IO:
	case PG_FS:
		return "Disk";
	case PG_NET:
		return "Network";
	case PG_SEC:
		return "Rights";
	default:
		return "Identity, start and stop";
	}
}

static const char *const sections[] = { "Memory and counts", "Processor", "Disk", "Network",
					"Identity, start and stop", "Rights",
					"Stored for other tools" };

static void options_of(unsigned int when)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		bool open = false;

		param_for_each(id) {
			const struct param *p = param_get(id);

			if (!p->opt || !(p->when & when) || !str_eq(section(p), sections[i]) ||
			    p->action == PA_REJECT)
				continue;
			if (!open)
				printf(".Ss %s\n.Bl -tag -width Ds -compact\n", sections[i]);
			else
				puts(".Pp");
			open = true;
			if (p->opt_bytes)
				option_line(p->opt_bytes, "N[KMGT]|unlimited", 0);
			option_line(p->opt, metavar(p), p->short_opt);
			if (p->opt_del)
				option_line(p->opt_del,
					    p->type == PT_NETIF ? "IF|all" : "VALUE|all", 0);
			mdoc_text(p->doc);
			range(p);
			accepted_words(p);
			remarks(p, true);
			printf("Key:\n.Va %s .\n", p->key);
		}
		if (open)
			puts(".El");
	}
}

static void key_entry(const struct param *p)
{
	printf(".It Va %s Ns = Ns Ar ", p->key);
	mdoc_arg(metavar(p));
	putchar('\n');
	mdoc_text(p->doc);
	range(p);
	accepted_words(p);
	remarks(p, false);
	if (p->alias) {
		fputs("Also read as\n", stdout);
		for (const char *w = p->alias; *(w += strspn(w, " ")); w += strcspn(w, " "))
			printf(".Va %.*s%s\n", (int)strcspn(w, " "), w,
			       w[strcspn(w, " ")] ? " ," : " .");
	}
	if (p->def) {
		fputs("Default:\n.Dq Li ", stdout);
		mdoc_arg(p->def);
		puts(" .");
	}
	if (*p->example) {
		fputs("Example:\n.Dl ", stdout);
		printf("%s=\\(dq", p->key);
		for (const char *s = p->example; *s; s++)
			putchar(*s);
		puts("\\(dq");
	}
}

static void keys_of(unsigned int when, unsigned int not_when)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		bool open = false;

		param_for_each(id) {
			const struct param *p = param_get(id);

			if (!(p->when & when) || (p->when & not_when) ||
			    !str_eq(section(p), sections[i]))
				continue;
			if (!open)
				printf(".Ss %s\n.Bl -tag -width Ds\n",
				       not_when ? "Node" : sections[i]);
			open = true;
			key_entry(p);
		}
		if (open)
			puts(".El");
	}
}

static void node_keys(void)
{
	puts(".Bl -tag -width Ds");
	param_for_each(id)
		if (param_get(id)->when == WHEN_NODE)
			key_entry(param_get(id));
	puts(".El");
}

static void node_defaults(void)
{
	puts(".Bl -bullet -compact");
	param_for_each(id) {
		const struct param *p = param_get(id);

		if (!(p->when & WHEN_NODE) || p->when == WHEN_NODE)
			continue;
		printf(".It\n.Va %s", p->key);
		if (p->def) {
			fputs(" ,\ndefault\n.Dq Li ", stdout);
			mdoc_arg(p->def);
		}
		putchar('\n');
	}
	puts(".El");
}

static void refused(void)
{
	puts(".Bl -tag -width Ds -compact");
	param_for_each(id) {
		const struct param *p = param_get(id);

		if (p->action != PA_REJECT || !p->opt)
			continue;
		for (const char *w = p->opt; *(w += strspn(w, " ")); w += strcspn(w, " "))
			printf(".It Fl -%.*s\n", (int)strcspn(w, " "), w);
		if (p->opt_del)
			printf(".It Fl -%s\n", p->opt_del);
		printf("%d:\n", p->code);
		mdoc_text(p->reason);
	}
	puts(".El");
}

static void columns(void)
{
	puts(".Bl -column vm_overcommit ORIGIN_SAMPLE description -compact");
	param_for_each(id) {
		const struct param *p = param_get(id);

		if (p->column)
			printf(".It Cm %s Ta %s Ta %s\n", p->column, p->header, p->key);
	}
	puts(".El");
}

/* ---- exit codes ------------------------------------------------------ */

static const struct {
	int code;
	const char *text;
} codes[] = {
	{ VZ_OK, "Success." },
	{ VZ_SETUBC_ERROR, "A resource limit cannot be applied." },
	{ VZ_SETFSHD_ERROR, "A processor parameter cannot be applied." },
	{ VZ_SYSTEM_ERROR, "A system call failed." },
	{ VZ_BAD_KERNEL, "The kernel lacks a feature that is needed; the message names it." },
	{ VZ_RESOURCE_ERROR, "Not enough memory or another resource of the node." },
	{ VZ_ENVCREATE_ERROR, "The container's namespaces cannot be created." },
	{ VZ_COMMAND_EXECUTION_ERROR, "The command that exec ran failed." },
	{ VZ_LOCKED, "Another command holds the container's lock." },
	{ VZ_NOCONFIG, "vz.conf is missing." },
	{ VZ_NOSCRIPT, "A helper script is missing." },
	{ VZ_NO_ACCES, "Permission denied." },
	{ VZ_SET_CAP, "Capabilities cannot be set." },
	{ VZ_NOVECONFIG, "The container's configuration file is missing." },
	{ VZ_EXEC_TIMEOUT, "A script took too long." },
	{ VZ_CHKPNT_ERROR, "The container cannot be suspended." },
	{ VZ_RESTORE_ERROR, "The container cannot be resumed." },
	{ VZ_INVALID_PARAMETER_SYNTAX, "Wrong usage, or options that do not go together." },
	{ VZ_INVALID_PARAMETER_VALUE,
	  "An unknown option, a bad value, or a bad container number or name." },
	{ VZ_VE_ROOT_NOTSET, "VE_ROOT is not set." },
	{ VZ_VE_PRIVATE_NOTSET, "VE_PRIVATE is not set." },
	{ VZ_VE_TMPL_NOTSET, "TEMPLATE is not set." },
	{ VZ_NOTENOUGHPARAMS, "A parameter that is needed is missing." },
	{ VZ_NOTENOUGHUBCPARAMS, "Memory is limited but swap is not set." },
	{ VZ_VE_OSTEMPLATE_NOTSET, "No template was given and DEF_OSTEMPLATE is not set." },
	{ VZ_VE_NOT_RUNNING, "The container is not running." },
	{ VZ_VE_RUNNING, "The container is running." },
	{ VZ_STOP_ERROR, "The container cannot be stopped." },
	{ VZ_CANT_ADDIP, "An address cannot be added." },
	{ VZ_VALIDATE_ERROR, "The configuration is not valid." },
	{ VZ_OVERCOMMIT_ERROR, "The node is overcommitted." },
	{ VZ_FS_NOT_MOUNTED, "The container is not mounted." },
	{ VZ_FS_MOUNTED, "The container is mounted." },
	{ VZ_FS_NOPRVT, "The private area does not exist." },
	{ VZ_FS_PRVT_AREA_EXIST, "The private area exists already." },
	{ VZ_FS_NO_DISK_SPACE, "Not enough disk space." },
	{ VZ_FS_BAD_TMPL, "The container has no init or no shell." },
	{ VZ_FS_NEW_VE_PRVT, "The private area cannot be created." },
	{ VZ_FS_MPOINTCREATE, "The mount point cannot be created." },
	{ VZ_FS_CANTMOUNT, "The container cannot be mounted." },
	{ VZ_FS_CANTUMOUNT, "The container cannot be unmounted." },
	{ VZ_FS_DEL_PRVT, "The private area cannot be deleted." },
	{ VZ_UNK_MOUNT_TYPE, "The private area has an unknown layout." },
	{ VZ_CANT_CREATE_DIR, "A directory cannot be created." },
	{ VZ_NOTENOUGH_QUOTA_LIMITS, "Disk quota was asked for without limits." },
	{ VZ_DQ_SET, "Disk quota cannot be set." },
	{ VZ_DISKSPACE_NOT_SET, "DISKSPACE is not set." },
	{ VZ_DISKINODES_NOT_SET, "DISKINODES is not set." },
	{ VZ_ERROR_SET_USER_QUOTA, "Quotas of users cannot be set." },
	{ VZ_DQ_UGID_NOTINITIALIZED, "Quotas of users cannot be switched in a running container." },
	{ VZ_GET_QUOTA_USAGE, "Disk usage cannot be read." },
	{ VZ_BADHOSTNAME, "The host name cannot be set." },
	{ VZ_BADIP, "A bad address." },
	{ VZ_BADDNSSRV, "Name servers cannot be set." },
	{ VZ_BADDNSSEARCH, "The search domain cannot be set." },
	{ VZ_CHANGEPASS, "The password cannot be changed." },
	{ VZ_VE_LCKDIR_NOTSET, "LOCKDIR is not set." },
	{ VZ_IP_INUSE, "The address belongs to another container of this node." },
	{ VZ_ACTIONSCRIPT_ERROR, "An action script failed." },
	{ VZ_CP_CONFIG, "The sample is missing, or the configuration file exists." },
	{ VZ_INVALID_CONFIG, "The configuration file cannot be read." },
	{ VZ_SET_DEVICES, "Device access cannot be set." },
	{ VZ_IP_NA, "The address is not available." },
	{ VZ_OSTEMPLATE_NOT_FOUND, "The template does not exist." },
	{ VZ_STORAGE_UNSUP, "The layout is not supported on this node." },
	{ VZ_GET_IP_ERROR, "Addresses cannot be read." },
	{ VZ_NETDEV_ERROR, "A network device cannot be moved." },
	{ VZ_VE_START_DISABLED, "DISABLED=yes keeps the container from starting." },
	{ VZ_SET_IPTABLES, "The packet filter mode cannot be enforced." },
	{ VZ_NO_DISTR_CONF, "The distribution's configuration is missing." },
	{ VZ_NO_DISTR_ACTION_SCRIPT, "A distribution script is missing." },
	{ VZ_APPLY_CONFIG_ERROR, "The sample of --applyconfig is missing." },
	{ VZ_VETH_ERROR, "An interface cannot be set up." },
	{ VZ_SET_NAME_ERROR, "The name is not valid or taken." },
	{ VZ_WAIT_FAILED, "start --wait: the container was not up in time." },
	{ VZ_CONFIG_SAVE_ERROR, "The configuration file cannot be written." },
	{ VZ_SET_OSRELEASE, "The kernel release inside cannot be set." },
	{ VZ_SET_IO, "A disk limit cannot be set." },
	{ VZ_IMAGE_CREATE, "The image cannot be created." },
	{ VZ_IMAGE_MOUNT, "The image cannot be mounted." },
	{ VZ_IMAGE_UMOUNT, "The image cannot be unmounted." },
	{ VZ_IMAGE_RESIZE, "The image cannot be resized." },
	{ VZ_IMAGE_CONVERT, "The layout cannot be converted." },
	{ VZ_SNAP_CREATE, "The snapshot cannot be created." },
	{ VZ_SNAP_MERGE, "Snapshots cannot be merged." },
	{ VZ_SNAP_DELETE, "The snapshot cannot be deleted." },
	{ VZ_SNAP_SWITCH, "Cannot switch to the snapshot." },
	{ VZ_SNAP_MOUNT, "The snapshot cannot be mounted." },
	{ VZ_SNAP_UMOUNT, "The snapshot cannot be unmounted." },
	{ VZ_COMPACT, "The image cannot be compacted." },
	{ VZ_SNAP_LIST, "Snapshots cannot be listed." },
	{ VZ_IDMAP,
	  "The container's ids cannot be mapped: no free range, or a file system without idmapped mounts." },
	{ VZ_CGROUP_DELEGATION, "The control group hierarchy is missing a controller." },
	{ VZ_NO_HELPER, "A program of the node is missing; the message names it." },
	{ VZ_NEEDS_PATCHED_KERNEL, "This needs a kernel with the vz patches." },
	{ VZ_BUSY, "The container is frozen or busy." },
	{ VZ_VM_ERROR, "A virtual machine failed." },
	{ VZ_IMAGE_SIGNATURE, "The signature of a template is wrong." },
	{ VZ_TEMPLATE_ERROR, "The template is broken." },
	{ VZ_PORT_INUSE, "A port to forward is another container's or a program's of the node." },
};

static void exit_codes(void)
{
	puts(".Bl -tag -width 999 -compact");
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		printf(".It %d\n", codes[i].code);
		mdoc_text(codes[i].text);
	}
	puts(".El");
}

/* ---- completion ------------------------------------------------------ */

static void words_of(const char *list, const char *prefix)
{
	while (list && *(list += strspn(list, " "))) {
		size_t n = strcspn(list, " ");

		printf(" %s%.*s", prefix, (int)n, list);
		list += n;
	}
}

static void completion_options(unsigned int when)
{
	param_for_each(id) {
		const struct param *p = param_get(id);

		if (!p->opt || !(p->when & when) || p->action == PA_REJECT)
			continue;
		words_of(p->opt, "--");
		words_of(p->opt_del, "--");
		words_of(p->opt_bytes, "--");
	}
	putchar('\n');
}

static void completion_values(void)
{
	param_for_each(id) {
		const struct param *p = param_get(id);
		const char *words = p->type == PT_BOOL ? "yes no" :
				    p->type == PT_ENUM || p->type == PT_LAYOUT ? p->words : NULL;

		if (!p->opt || !words)
			continue;
		/* The function has turned dashes into underscores. */
		fputs("\t__", stdout);
		for (const char *w = p->opt; *w; w++)
			fputs(*w == ' ' ? "|__" : (char[]){ *w == '-' ? '_' : *w, '\0' }, stdout);
		printf(") echo '%s' ;;\n", words);
	}
}

static void completion_columns(void)
{
	param_for_each(id)
		if (param_get(id)->column)
			printf(" %s", param_get(id)->column);
	putchar('\n');
}

/* ---- program --------------------------------------------------------- */

static void emit(const char *name)
{
	if (str_eq(name, "SET_OPTIONS"))
		options_of(WHEN_SET | WHEN_CREATE);
	else if (str_eq(name, "REFUSED_OPTIONS"))
		refused();
	else if (str_eq(name, "CT_KEYS"))
		keys_of(WHEN_FILE, 0);
	else if (str_eq(name, "NODE_KEYS"))
		node_keys();
	else if (str_eq(name, "NODE_DEFAULTS"))
		node_defaults();
	else if (str_eq(name, "COLUMNS"))
		columns();
	else if (str_eq(name, "EXIT_CODES"))
		exit_codes();
	else if (str_eq(name, "BASH_CREATE"))
		completion_options(WHEN_CREATE);
	else if (str_eq(name, "BASH_SET"))
		completion_options(WHEN_SET);
	else if (str_eq(name, "BASH_VALUES"))
		completion_values();
	else if (str_eq(name, "BASH_COLUMNS"))
		completion_columns();
	else {
		fprintf(stderr, "gen: unknown marker @%s@\n", name);
		exit(1);
	}
}

int main(void)
{
	char line[4096];

	while (fgets(line, sizeof(line), stdin)) {
		size_t n = strcspn(line, "\n");

		if (n > 2 && line[0] == '@' && line[n - 1] == '@') {
			line[n - 1] = '\0';
			emit(line + 1);
		} else {
			fputs(line, stdout);
		}
	}
	return ferror(stdin) || fflush(stdout) ? 1 : 0;
}
