# SPDX-License-Identifier: GPL-2.0
#
# "make help" tells what there is.

PREFIX	?= /usr/local
KVER	?= $(shell uname -r)
KDIR	?= /lib/modules/$(KVER)/build

# The kernels of the test VM are known by name: 6.1, 6.12, 6.12-rt, debug, kcsan, kcov.
ifdef KERNEL
$(if $(shell selftests/vm/kernel $(KERNEL) || echo failed),$(error no kernel $(KERNEL)))
KDIR	:= $(CURDIR)/build/kernels/$(KERNEL)/headers
endif

release	 = $(or $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	$(KDIR)/include/generated/utsrelease.h 2>/dev/null), \
	$(error no kernel headers in $(KDIR): install linux-headers-$(KVER), or \
	name others with KVER= or KDIR=))
out	 = $(CURDIR)/build/$(release)
modules	 = $(DESTDIR)/lib/modules/$(release)
include	:= $(DESTDIR)$(PREFIX)/include/linux

# On the kernels that can tell, the module says which of its blocks a program reaches,
# and how often each of its lines is run.
coverage = $(if $(filter debug kcov,$(KERNEL)),KCOV_INSTRUMENT=y) \
	$(if $(filter kcov,$(KERNEL)),GCOV_PROFILE=y)

# On the one whose memory holds patterns, see selftests/vm/run, so does the stack.
poison	 = $(if $(filter debug,$(KERNEL)),CONFIG_INIT_STACK_ALL_ZERO= \
	CONFIG_INIT_STACK_ALL_PATTERN=y)

# Debian's headers for 6.1 come without the vmlinux that BTF is made from.
kbuild	 = $(MAKE) -s -C $(KDIR) \
	$(if $(wildcard $(KDIR)/vmlinux),,CONFIG_DEBUG_INFO_BTF_MODULES=) $(coverage) $(poison) M=$(out)

MAKEFLAGS += --no-print-directory

all: userspace module

# Kbuild writes beside its sources. So the build directory gets links to them,
# and the source tree stays as it is. The lock is for VMs that start together.
module:
	@mkdir -p $(out)
	+@flock $(out) sh -c 'cp -rsf $(CURDIR)/Kbuild $(CURDIR)/module $(out) && \
		find $(out) -xtype l -delete && \
		$(kbuild) modules && \
		ln -sf module/kite.ko $(out)/kite.ko'

# The same for the module that measures large messages within the kernel.
bench-module:
	@mkdir -p $(out)/bench
	+@flock $(out)/bench sh -c 'cp -rsf $(CURDIR)/selftests/bench/. $(out)/bench && \
		find $(out)/bench -xtype l -delete && \
		$(kbuild)/bench UAPI=$(CURDIR)/module/include/uapi modules'

# The modules that selftests/kernel.sh and selftests/wire.sh load. One of them calls
# functions of Kite, whose names and versions come out of Kite's own build.
module-test: out = $(CURDIR)/build/$(release)-test
module-test:
	@mkdir -p $(out)
	+@$(MAKE) -s module
	+@flock $(out) sh -c 'cp -rsf $(CURDIR)/selftests/kernel/* $(out) && \
		ln -sfn $(CURDIR)/module/include/uapi $(out)/uapi && \
		ln -sf $(CURDIR)/module/transport.h $(out)/transport.h && \
		find $(out) -xtype l -delete && \
		$(kbuild) KBUILD_EXTRA_SYMBOLS=$(CURDIR)/build/$(release)/Module.symvers modules'

userspace:
	@$(MAKE) -s -C userspace OUTPUT=$(CURDIR)/build/userspace PREFIX=$(PREFIX)

install: all
	install -D -m 644 $(out)/kite.ko $(modules)/updates/kite.ko
	install -d $(include)
	install -m 644 module/include/uapi/linux/*.h $(include)
	$(MAKE) -s -C userspace install OUTPUT=$(CURDIR)/build/userspace PREFIX=$(PREFIX)
	$(if $(DESTDIR),,depmod $(release))

uninstall:
	rm -f $(modules)/updates/kite.ko $(include)/kite.h $(include)/kite_diag.h
	$(MAKE) -s -C userspace uninstall PREFIX=$(PREFIX)
	$(if $(DESTDIR),,depmod $(release))

setup check conformance model coverage:
	@scripts/$@

# In a VM that counts instructions. PROFILE="stream 64" tells where they go.
bench:
	@scripts/setup
	@scripts/$(if $(PROFILE),profile $(PROFILE),bench && scripts/contention)

pictures:
	@scripts/setup
	@scripts/pictures

bench-check:
	@scripts/setup
	@scripts/bench --check

contention:
	@scripts/setup
	@scripts/contention

test:
	@scripts/test stock

test-programs test-debug test-faults test-kcsan:
	@scripts/test $(@:test-%=%)

# What the commands above found goes into Documentation/testing.rst.
figures:
	@scripts/figure --publish

# SEED=, COUNT= and KERNEL= reach them through the environment.
fuzz stress:
	@scripts/$@

demo:
	@scripts/setup
	@selftests/demo.sh $(SIZE)

clean:
	rm -rf build

help:
	@echo 'make                the programs, and kite.ko for the running kernel'
	@echo '  KVER=, KDIR=      for another kernel: its release, or its headers'
	@echo 'make demo           watch programs talk over Kite in a VM; SIZE= of a file'
	@echo 'make test           check, and run the tests on three kernels in VMs'
	@echo 'make test-programs  run Redis, PostgreSQL, nginx and others over Kite'
	@echo 'make test-debug     run the tests on a debug kernel'
	@echo 'make test-faults    let memory be short in calls and tests, at each place'
	@echo 'make test-kcsan     run the tests on a kernel that finds data races'
	@echo 'make coverage       which lines of the module the tests run, in HTML'
	@echo 'make fuzz           let fuzzers at it in VMs; SEED=, COUNT=, KERNEL='
	@echo 'make stress         many threads, sockets and VM CPUs; COUNT=, KERNEL='
	@echo 'make figures        publish what these found in Documentation/testing.rst'
	@echo 'make bench          measure Kite beside other families, and several pairs at once'
	@echo '  PROFILE="stream 64"   where the instructions of 64 bytes in a stream go'
	@echo 'make bench-check    compare that with the published figures'
	@echo 'make contention     do pairs of sockets wait for each other? On VMs of 2 and 4 CPUs'
	@echo 'make pictures       let kite trace draw those of the documentation, in a VM'
	@echo 'make check          the static checks alone'
	@echo 'make model          let spin check the models of connections'
	@echo 'make conformance    compare Kite with AF_UNIX, TCP, UDP and vsock, in a VM'
	@echo 'make module KERNEL= kite.ko for the VM: 6.1, 6.12, 6.12-rt, debug, ...'
	@echo 'make setup          install the Debian packages that all this needs'
	@echo 'make install        kite.ko, headers, kite(1), kite(7); DESTDIR=, PREFIX='
	@echo 'make uninstall'
	@echo 'make clean          remove build/; downloads stay in ~/.cache/kite'

.PHONY: all module bench-module module-test bench bench-check contention pictures userspace \
	install uninstall setup check conformance model coverage figures fuzz stress \
	test test-programs test-debug test-faults test-kcsan demo clean help
