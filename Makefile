# bide: `make help` lists the goals.  A C compiler and make are all that
# building needs; there is no configure step.
#
#   CC, CFLAGS, LDFLAGS   as everywhere
#   BUILD=build           where everything that is made goes
#   SWITCH=ucontext       the portable switch in place of the assembly
#   FP_CONTROL=0          tasks share the floating-point control words
#   CHECKED=1             with the library's own assertions, for tests
#   V=1                   show the whole command lines
#   PREFIX, LIBDIR, MANDIR, DESTDIR   where `make install` puts things

CFLAGS = -O2 -g
BUILD = build
FP_CONTROL = 1
CHECKED = 0
PREFIX = /usr/local
LIBDIR = $(PREFIX)/lib
MANDIR = $(PREFIX)/share/man

Q = $(if $(V),,@)
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
all: lib

# ---- What is built ----------------------------------------------------------

# The public structs lie in the caller's memory, so while the major version is
# 0 each minor version has an interface of its own, and a soname of its own.
VERSION := $(shell sed -n 's/^\#define BIDE_VERSION "\(.*\)"/\1/p' \
    include/bide.h)
SO_REAL = libbide.so.$(VERSION)
SO_NAME = $(basename $(SO_REAL))

# The machine code is made for, and which files of src/arch/ it takes.
MACHINE := $(shell $(CC) -dumpmachine)
ARCH := $(firstword $(subst -, ,$(patsubst %-gnux32,x32,$(MACHINE))))
SWITCH = $(ARCH)
ifeq ($(filter $(SWITCH),$(ARCH) ucontext),)
$(error SWITCH is $(ARCH), which is the default, or ucontext)
endif
HEADERS := include/bide.h $(wildcard include/bide/*.h)
SOURCES := $(wildcard src/*.c) \
    $(or $(wildcard src/arch/switch_$(SWITCH).S),src/arch/switch_ucontext.c) \
    $(or $(wildcard src/arch/syscall_$(ARCH).S),src/arch/syscall_generic.c)
TESTS := $(wildcard tests/*.c)
EXAMPLES := $(wildcard examples/*.c)
LOAD := $(wildcard bench/load/*.c)

objects = $(patsubst %,$(BUILD)/%.o,$(basename $(1)))
LIB_OBJECTS := $(call objects,$(SOURCES))
TEST_OBJECTS := $(call objects,$(TESTS))
LOAD_OBJECTS := $(call objects,$(LOAD))
EXAMPLE_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(EXAMPLES))
INSTALLED_LIBS = $(BUILD)/libbide.a $(BUILD)/$(SO_REAL)

# ---- How it is compiled -----------------------------------------------------

# -Wshadow             a name means one thing in a function
# -Wundef              a misspelt name in #if is 0 in silence
# -Wvla                a stack of 64 KiB has no room for a length from outside
# -Wwrite-strings      a string literal is not to be written to
# -Wpointer-arith      no arithmetic on void *
# -Wstrict-prototypes  f() takes no arguments, so it says f(void)
WARNINGS = -Wall -Wextra -Wshadow -Wundef -Wvla -Wwrite-strings \
    -Wpointer-arith -Wstrict-prototypes

# Flags that not every compiler has on every machine: `accepted` tries them.
# The first makes a frame that would jump over the guard touch it; the others
# mark where indirect branches may land.
accepted = $(shell for flag in $(1); do \
    $(CC) -Werror $$flag -x c -c /dev/null -o /dev/null 2>/dev/null && \
    echo $$flag; done)
PROBES := $(call accepted,-fstack-clash-protection)
BRANCHES := $(call accepted,-fcf-protection=branch -mbranch-protection=bti)

# -iquote: <sched.h> is the system's, "sched.h" is ours.
# -fno-strict-aliasing: struct bide_scope is bi_scope inside, and so on.
# -fno-omit-frame-pointer: profilers walk the stacks of tasks by it.
COMPILE = $(CC) -std=gnu11 $(WARNINGS) -Iinclude -iquote src \
    -fPIC -fvisibility=hidden -fno-omit-frame-pointer -fno-strict-aliasing \
    $(PROBES) $(BRANCHES) -pthread \
    $(if $(filter 0,$(FP_CONTROL)),-DBI_NO_FP_CONTROL) \
    $(if $(filter 0,$(CHECKED)),-DNDEBUG) $(CPPFLAGS) $(CFLAGS)

# Two files that say how everything was compiled and which suites there are.
# They change, and what hangs on them is made again, only when that does.
$(BUILD)/flags: now = $(COMPILE)
$(BUILD)/suites.inc: now = $(patsubst tests/test_%.c,SUITE(%),\
    $(filter tests/test_%,$(TESTS)))
$(BUILD)/flags $(BUILD)/suites.inc: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(now))' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
FORCE:

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo '  compile $<'
	$(Q)$(COMPILE) -MMD -MP -c $< -o $@

$(BUILD)/%.o: %.S $(BUILD)/flags
	@mkdir -p $(@D)
	@echo '  compile $<'
	$(Q)$(COMPILE) -MMD -MP -c $< -o $@

# Tests see the library's inside and Check.
$(TEST_OBJECTS): private COMPILE += -D_GNU_SOURCE -iquote $(BUILD) \
    $(CHECK_CFLAGS)
$(BUILD)/tests/main.o: $(BUILD)/suites.inc

-include $(patsubst %.o,%.d,$(LIB_OBJECTS) $(TEST_OBJECTS) $(LOAD_OBJECTS)) \
    $(addsuffix .d,$(EXAMPLE_PROGRAMS))

# ---- Building ---------------------------------------------------------------

lib: $(INSTALLED_LIBS) $(BUILD)/bide.pc ## the libraries (the default)

$(BUILD)/libbide.a: $(LIB_OBJECTS)
	@echo '  archive $@'
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/$(SO_REAL): $(LIB_OBJECTS) bide.map
	@echo '  link    $@'
	$(Q)$(COMPILE) $(LDFLAGS) -shared -Wl,-soname,$(SO_NAME) -Wl,-z,defs \
	    -Wl,--version-script=bide.map $(LIB_OBJECTS) -o $@
	@ln -sf $(SO_REAL) $(BUILD)/$(SO_NAME)
	@ln -sf $(SO_NAME) $(BUILD)/libbide.so

$(BUILD)/bide.pc: bide.pc.in $(BUILD)/flags FORCE
	@sed -e 's|@PREFIX@|$(PREFIX)|' \
	    -e 's|@LIBDIR@|$(LIBDIR:$(PREFIX)/%=$${prefix}/%)|' \
	    -e 's|@VERSION@|$(VERSION)|' -e 's|@PROBES@|$(PROBES)|' $< >$@

examples: $(EXAMPLE_PROGRAMS) ## the programs of examples/

$(EXAMPLE_PROGRAMS): $(BUILD)/%: %.c $(BUILD)/libbide.a
	@mkdir -p $(@D)
	@echo '  link    $@'
	$(Q)$(COMPILE) -MMD -MP -MF $@.d -MT $@ $(LDFLAGS) $< $(PARTS) \
	    $(BUILD)/libbide.a -o $@

# The load generator, and all of it but main() for scenarios of others.
LOAD_LIB = $(BUILD)/bench/load/libload.a
load: $(BUILD)/bench/load/load ## the load generator, bench/load/

$(LOAD_LIB): $(filter-out %/main.o,$(LOAD_OBJECTS))
	@echo '  archive $@'
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/bench/load/load: $(BUILD)/bench/load/main.o $(LOAD_LIB) \
    $(BUILD)/libbide.a
	@echo '  link    $@'
	$(Q)$(COMPILE) $(LDFLAGS) $^ -o $@

$(BUILD)/examples/scenario: $(LOAD_LIB)
$(BUILD)/examples/scenario: private PARTS = $(LOAD_LIB)

demo: $(BUILD)/examples/demo $(BUILD)/examples/digest ## build and run the demo
	@$(BUILD)/examples/demo
	@$(BUILD)/examples/digest

man: $(BUILD)/man/made ## the manual pages, from the headers

$(BUILD)/man/made: $(HEADERS) tools/man docs/man/bide.7
	@rm -rf $(@D)
	@mkdir -p $(@D)
	@echo '  write   $(@D)'
	$(Q)awk -v out=$(@D) -v version=$(VERSION) -f tools/man $(HEADERS)
	@cp docs/man/bide.7 $(@D)
	@touch $@

# ---- Testing ----------------------------------------------------------------

# Without pkg-config: the names of Debian's package.
CHECK_CFLAGS = $(shell pkg-config --cflags check 2>/dev/null)
CHECK_LIBS = $(shell pkg-config --libs check 2>/dev/null || \
    echo -lcheck_pic -lsubunit -lrt -lm)

# One program holds all suites of tests/; how it is used: tests/main.c.
suite: $(BUILD)/suite
$(BUILD)/suite: $(TEST_OBJECTS) $(LOAD_LIB) $(BUILD)/libbide.a
	@echo '  link    $@'
	$(Q)$(COMPILE) $(LDFLAGS) $^ $(CHECK_LIBS) -o $@

# tests/matrix runs it on each backend and with each guard; to run it under a
# tool, RUN holds the tool.
test: ## everything a change must pass (installs Check if it may)
	@CC='$(CC)' tools/need check=check.h g++=c++ pkg-config=pkg-config
	@$(MAKE) lib examples man suite
	@$(MAKE) BUILD=$(BUILD)/checked CHECKED=1 suite
	@$(MAKE) BUILD=$(BUILD)/ucontext CHECKED=1 SWITCH=ucontext suite
	@CC='$(CC)' tools/tally \
	    'the header, alone and installed' 'tests/header/run $(BUILD)' \
	    'the examples' 'tests/examples $(BUILD)' \
	    'tasks in gdb' 'tests/gdb/run $(BUILD)' \
	    'the suite' 'tests/matrix $(BUILD)/checked/suite $(BUILD)/suite \
	        $(BUILD)/ucontext/suite'

test-gdb: lib ## the commands for gdb, on a process and on a core file
	@tools/need gdb=gdb
	@tests/gdb/run $(BUILD)

CROSS = aarch64-linux-gnu-gcc
CROSS_NEEDS = gcc-aarch64-linux-gnu=$(CROSS) libc6-dev-arm64-cross=stdio.h \
    qemu-user-static=qemu-aarch64-static
QEMU = qemu-aarch64-static -L /usr/aarch64-linux-gnu
ARM64 = $(BUILD)/arm64/usr
ARM64_LIBS = -L$(ARM64)/lib/aarch64-linux-gnu -lcheck_pic -l:libsubunit.a \
    -lrt -lm
test-aarch64: ## the suite, cross-built and run under qemu
	@CC=$(CROSS) tools/need $(CROSS_NEEDS)
	@tools/arm64-check $(BUILD)/arm64
	@$(MAKE) BUILD=$(BUILD)/aarch64 CC=$(CROSS) CHECKED=1 suite \
	    CHECK_CFLAGS=-I$(ARM64)/include CHECK_LIBS='$(ARM64_LIBS)'
	@RUN='$(QEMU)' CK_TIMEOUT_MULTIPLIER=10 tests/matrix $(BUILD)/aarch64/suite

# No tool is told to keep quiet about anything: there are no suppressions.
VALGRIND = valgrind -q --error-exitcode=9 --leak-check=full \
    --show-leak-kinds=definite --errors-for-leak-kinds=definite
valgrind: suite ## the suite under valgrind
	@tools/need valgrind=valgrind
	@RUN='$(VALGRIND)' CK_TIMEOUT_MULTIPLIER=30 TOGETHER=1 \
	    tests/matrix $(BUILD)/suite

# The suite built with a sanitizer, in a folder of its own.
sanitized = $(MAKE) BUILD=$(BUILD)/$@ CHECKED=1 CFLAGS='-O1 -g $(1)' \
    LDFLAGS='$(1)' suite

asan: ## the suite under the address sanitizer
	@+$(call sanitized,-fsanitize=address)
	@CK_TIMEOUT_MULTIPLIER=10 TOGETHER=1 tests/matrix $(BUILD)/$@/suite

ubsan: ## the suite under the undefined-behaviour sanitizer
	@+$(call sanitized,-fsanitize=undefined -fno-sanitize-recover=all)
	@CK_TIMEOUT_MULTIPLIER=10 TOGETHER=1 tests/matrix $(BUILD)/$@/suite

# The shadow of gcc 12's thread sanitizer does not fit every random layout, and
# it ends a child of fork(2) that starts threads, unless it is asked not to.
tsan: ## the suite under the thread sanitizer
	@+$(call sanitized,-fsanitize=thread)
	@RUN='setarch -R' TSAN_OPTIONS=die_after_fork=0 \
	    CK_TIMEOUT_MULTIPLIER=30 TOGETHER=1 tests/matrix $(BUILD)/$@/suite

# The fault sweep (sweep/main.c): the linker gives it the library's malloc.
# BODY=name sweeps one body; BODY=name:world:point:mode:code, as a sweep prints
# it, strikes once and tells every call.
SWEEP_OBJECTS := $(call objects,$(wildcard sweep/*.c))
-include $(SWEEP_OBJECTS:.o=.d)
sweep: ## each call at the kernel's border fails, in every way that it can
	@+$(MAKE) BUILD=$(BUILD)/checked CHECKED=1 $(BUILD)/checked/sweep/sweep
	@tools/swept $(BUILD)/checked/sweep .
	@$(BUILD)/checked/sweep/sweep $(BODY)

$(BUILD)/sweep/sweep: $(SWEEP_OBJECTS) $(BUILD)/libbide.a
	@echo '  link    $@'
	$(Q)$(COMPILE) $(LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc \
	    -Wl,--wrap=free \
	    $^ -o $@

# The cancel sweep (cancel/main.c): the linker shows it who waits and who is
# woken.  BODY=name sweeps one body; BODY=name.backend.way.moment.n, as a sweep
# prints it, is one run.
CANCEL_OBJECTS := $(call objects,$(wildcard cancel/*.c))
-include $(CANCEL_OBJECTS:.o=.d)
cancel-sweep: ## each wait is cancelled, in every way, at every moment
	@+$(MAKE) BUILD=$(BUILD)/checked CHECKED=1 $(BUILD)/checked/cancel/sweep
	@tools/swept $(BUILD)/checked/cancel ' waits$$'
	@$(BUILD)/checked/cancel/sweep $(BODY)

$(BUILD)/cancel/sweep: $(CANCEL_OBJECTS) $(BUILD)/libbide.a
	@echo '  link    $@'
	$(Q)$(COMPILE) $(LDFLAGS) -Wl,--wrap=bi_park,--wrap=bi_park_yield \
	    -Wl,--wrap=bi_park_end_turn,--wrap=bi_wake $^ -o $@

# The schedules (stress/main.c), of what tasks do with each other: sections 2 to
# 5.  BODY=name explores one body, N=1000 so many schedules of each.
STRESS_OBJECTS := $(call objects,$(wildcard stress/*.c))
-include $(STRESS_OBJECTS:.o=.d)
N = 100000
STRESS_ARGS = $(N) $(if $(BODY),'$(BODY)')
stress: ## every lock, channel and combinator under many schedules
	@+$(MAKE) BUILD=$(BUILD)/checked CHECKED=1 $(BUILD)/checked/stress/stress
	@tools/swept $(BUILD)/checked/stress '^bide.h [2-5] .* (waits|-)$$'
	@$(BUILD)/checked/stress/stress $(STRESS_ARGS)

stress-aarch64: ## the same, cross-built and run under qemu
	@CC=$(CROSS) tools/need $(CROSS_NEEDS)
	@+$(MAKE) BUILD=$(BUILD)/aarch64 CC=$(CROSS) CHECKED=1 \
	    $(BUILD)/aarch64/stress/stress
	@$(QEMU) $(BUILD)/aarch64/stress/stress $(STRESS_ARGS)

$(BUILD)/stress/stress: $(STRESS_OBJECTS) $(BUILD)/libbide.a
	@echo '  link    $@'
	$(Q)$(COMPILE) $(LDFLAGS) $^ -o $@

layers: $(BUILD)/libbide.a ## whether each file knows only what lies below it
	@tools/layers src/FLOORS $<

tidy: ## whether the sources keep to the style
	@tools/tidy

# ---- Measuring --------------------------------------------------------------

# docs/benchmarks.md tells what is asked, and how to read the answers.  Each
# tool is a program of its own; all other files make up the program `bide`.
# The peers that are installed are built by bench/build.
BENCH = $(BUILD)/bench
BENCH_TOOLS = hand_epoll hand_uring hand_file echo_load cpu_of
BENCH_SHARED := $(call objects,bench/bench.c bench/http.c)
BENCH_QUESTIONS := $(call objects,$(filter-out $(BENCH_TOOLS:%=bench/%.c) \
    bench/bench.c bench/http.c bench/load%,$(wildcard bench/*.c)))
BENCH_PROGRAMS = $(BENCH)/bide $(BENCH_TOOLS:%=$(BENCH)/%)
-include $(BENCH_SHARED:.o=.d) $(BENCH_QUESTIONS:.o=.d) \
    $(BENCH_TOOLS:%=$(BENCH)/%.d)

bench: $(BENCH_PROGRAMS) ## bide beside its peers, in one table (QUICK=1)
	@CC='$(CC)' CXX='$(CXX)' CFLAGS='$(CFLAGS)' bench/build $(BENCH)
	@BIDE_VERSION=$(VERSION) bench/run $(BENCH) $(if $(QUICK),quick)

$(BENCH)/bide: $(BENCH_QUESTIONS)
$(BENCH_TOOLS:%=$(BENCH)/%): %: %.o
$(BENCH_PROGRAMS): $(BENCH_SHARED) $(BUILD)/libbide.a
	@echo '  link    $@'
	$(Q)$(COMPILE) $(LDFLAGS) $(filter %.o,$^) $(BUILD)/libbide.a -o $@

bench-deps: ## install the peers from Debian's packages
	@bench/deps

# ---- Installing -------------------------------------------------------------

TO_INCLUDE = $(DESTDIR)$(PREFIX)/include
TO_LIB = $(DESTDIR)$(LIBDIR)
TO_MAN = $(DESTDIR)$(MANDIR)
TO_SHARE = $(DESTDIR)$(PREFIX)/share
# Where a gdb of this prefix looks for what belongs to the shared library.
GDB_AUTO = $(TO_SHARE)/gdb/auto-load$(LIBDIR)

install: lib man ## below PREFIX, or DESTDIR before it: what others need
	install -d $(TO_INCLUDE)/bide $(TO_LIB)/pkgconfig $(TO_MAN)/man3 $(TO_MAN)/man7
	install -m 644 include/bide.h $(TO_INCLUDE)
	install -m 644 $(wildcard include/bide/*.h) $(TO_INCLUDE)/bide
	install -m 644 $(INSTALLED_LIBS) $(TO_LIB)
	ln -sf $(SO_REAL) $(TO_LIB)/$(SO_NAME)
	ln -sf $(SO_NAME) $(TO_LIB)/libbide.so
	install -m 644 $(BUILD)/bide.pc $(TO_LIB)/pkgconfig
	install -m 644 $(BUILD)/man/*.3 $(TO_MAN)/man3
	install -m 644 $(BUILD)/man/*.7 $(TO_MAN)/man7
	install -d $(TO_SHARE)/bide $(GDB_AUTO)
	install -m 644 gdb/bide-gdb.py $(TO_SHARE)/bide
	ln -sf $(PREFIX)/share/bide/bide-gdb.py $(GDB_AUTO)/$(SO_REAL)-gdb.py

uninstall: ## with the same PREFIX and DESTDIR
	rm -rf $(TO_INCLUDE)/bide $(TO_SHARE)/bide
	rm -f $(TO_INCLUDE)/bide.h $(TO_LIB)/libbide.a $(TO_LIB)/libbide.so* \
	    $(TO_LIB)/pkgconfig/bide.pc $(TO_MAN)/man3/bide_*.3 \
	    $(TO_MAN)/man7/bide.7 $(GDB_AUTO)/libbide.so*-gdb.py

clean: ## remove what was made
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z][a-z0-9-]*\):.* ## /\1:/p' Makefile | \
	    awk -F: '{ printf "  make %-15s %s\n", $$1, $$2 }'

.PHONY: all lib examples load demo man suite test test-gdb test-aarch64 valgrind asan ubsan \
    tsan sweep cancel-sweep stress stress-aarch64 layers tidy bench bench-deps install uninstall clean help
