// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs on the build machine: the programs of an object that clang made for BPF as C
 * arrays, and where the maps' descriptors go.
 *
 *	pack port.o >port-prog.h
 */
#include <elf.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "tcx/"

#ifndef R_BPF_64_64
#define R_BPF_64_64 1
#endif

static char *image;
static size_t image_len;
static const Elf64_Shdr *sections;
static size_t n_sections;

static void die(const char *what)
{
	fprintf(stderr, "pack: %s\n", what);
	exit(1);
}

static void *at(uint64_t off, uint64_t len)
{
	if (off > image_len || len > image_len - off)
		die("the object is cut off");
	return image + off;
}

static void read_image(const char *path)
{
	FILE *f = fopen(path, "rb");
	long len;

	if (!f || fseek(f, 0, SEEK_END) < 0 || (len = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) < 0)
		die("cannot read the object");
	image_len = (size_t)len;
	image = malloc(image_len + 1);
	if (!image || fread(image, 1, image_len, f) != image_len)
		die("cannot read the object");
	image[image_len] = '\0';
	fclose(f);
}

static const char *section_name(const Elf64_Shdr *s)
{
	const Elf64_Ehdr *h = at(0, sizeof(*h));
	const Elf64_Shdr *names = &sections[h->e_shstrndx];

	return at(names->sh_offset + s->sh_name, 1);
}

static const char *symbol_name(const Elf64_Shdr *rel, uint64_t n)
{
	const Elf64_Shdr *syms = &sections[rel->sh_link], *names = &sections[syms->sh_link];
	const Elf64_Sym *s = at(syms->sh_offset + n * sizeof(*s), sizeof(*s));

	return at(names->sh_offset + s->st_name, 1);
}

static void put_relocs(const Elf64_Shdr *rel, const char *name)
{
	printf("static const struct dp_reloc dp_%s_relocs[] = {\n", name);
	for (uint64_t i = 0; i < rel->sh_size / sizeof(Elf64_Rel); i++) {
		const Elf64_Rel *r = at(rel->sh_offset + i * sizeof(*r), sizeof(*r));

		if (ELF64_R_TYPE(r->r_info) != R_BPF_64_64)
			die("a reference that is not to a map: is a function not inlined?");
		printf("\t{ %u, DP_%s },\n", (unsigned int)(r->r_offset / sizeof(struct bpf_insn)),
		       symbol_name(rel, ELF64_R_SYM(r->r_info)));
	}
	printf("};\n");
}

static void put_program(const Elf64_Shdr *s, const char *name)
{
	const uint64_t *v = at(s->sh_offset, s->sh_size);

	printf("static const uint64_t dp_%s_insns[] = {", name);
	for (uint64_t i = 0; i < s->sh_size / sizeof(*v); i++)
		printf("%s0x%016llxULL,", i % 4 ? " " : "\n\t", (unsigned long long)v[i]);
	printf("\n};\n");
}

int main(int argc, char **argv)
{
	const Elf64_Ehdr *h;

	if (argc != 2)
		die("usage: pack OBJECT");
	read_image(argv[1]);
	h = at(0, sizeof(*h));
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_machine != EM_BPF)
		die("this is no BPF object");
	n_sections = h->e_shnum;
	sections = at(h->e_shoff, n_sections * sizeof(*sections));
	for (size_t i = 0; i < n_sections; i++) {
		const Elf64_Shdr *s = &sections[i];
		const char *name = section_name(s);

		if (s->sh_type == SHT_PROGBITS && !strncmp(name, PREFIX, strlen(PREFIX)))
			put_program(s, name + strlen(PREFIX));
		if (s->sh_type == SHT_REL && !strncmp(name, ".rel" PREFIX, strlen(".rel" PREFIX)))
			put_relocs(s, name + strlen(".rel" PREFIX));
		if (!strcmp(name, ".text") && s->sh_size)
			die("a function is not inlined");
	}
	return 0;
}
