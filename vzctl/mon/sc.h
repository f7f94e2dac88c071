/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls without a C library.  The monitor stays beside every container:
 * with libc it maps 700 KiB of text that it never runs, without it 20.
 * All return a value or a negative errno.  Sanitizer builds and machines that
 * are not listed here use libc (VZ_MON_LIBC).
 */
#ifndef VZ_MON_SC_H
#define VZ_MON_SC_H

#include <stddef.h>
#include <sys/syscall.h>

#ifdef VZ_MON_LIBC

#include <errno.h>
#include <unistd.h>

static inline long sc5(long n, long a, long b, long c, long d, long e)
{
	long r = syscall(n, a, b, c, d, e);

	return r < 0 ? -errno : r;
}

#else

#if defined(__x86_64__)

static inline long sc5(long n, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
}

/* The kernel leaves argc, argv, envp on the stack (ABI supplement, 3.4.1). */
__asm__(".globl _start\n_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call mon_start\n");

#elif defined(__aarch64__)

static inline long sc5(long n, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory");
	return x0;
}

__asm__(".globl _start\n_start:\n"
	"	mov x29, #0\n"
	"	mov x0, sp\n"
	"	and sp, x0, #-16\n"
	"	bl mon_start\n");

#else
#error "no system calls for this machine: build with VZ_MON_LIBC"
#endif

/* The compiler may call these by itself. */
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memset(void *to, int c, size_t n);

__attribute__((used)) void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	char *t = to;
	const char *f = from;

	while (n--) {
		*t++ = *f++;
		__asm__ volatile("" ::: "memory");	/* or it becomes a call to itself */
	}
	return to;
}

__attribute__((used)) void *memset(void *to, int c, size_t n)
{
	char *t = to;

	while (n--) {
		*t++ = (char)c;
		__asm__ volatile("" ::: "memory");
	}
	return to;
}

#endif

#define sc_arg_(a, b, c, d, e, ...) (long)(a), (long)(b), (long)(c), (long)(d), (long)(e)
#define sc(n, ...) sc5(SYS_##n, sc_arg_(__VA_ARGS__, 0, 0, 0, 0, 0))

#endif
