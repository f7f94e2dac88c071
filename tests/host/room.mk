# SPDX-License-Identifier: GPL-2.0-or-later
# What tests/host/inside.t runs in a container: alone there, so always static,
# and without sanitizers, which seccomp would disturb.
inside_probe := $(O)/tests/host/inside-probe
default: $(inside_probe)
$(inside_probe): tests/host/inside-probe.c
	$(call say,CC,$@)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -std=gnu11 $(WARN) -O1 -static -o $@ $<

# Preloaded into libvirt by tests/host/clients.t.
clients_shim := $(O)/tests/host/clients-shim.so
default: $(clients_shim)
$(clients_shim): tests/host/clients-shim.c
	$(call say,CC,$@)mkdir -p $(@D) && $(CC) -std=gnu11 $(WARN) -O1 -fPIC -shared -o $@ $<

# Raw frames for tests/host/guard.t, from inside a container, too.
host_frames := $(O)/tests/host/frames
default: $(host_frames)
$(host_frames): tests/host/frames.c
	$(call say,CC,$@)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -std=gnu11 $(WARN) -O1 -static -o $@ $<

# Runs in QEMU's place for tests/host/vmbox.t: static as the others.
box_probe := $(O)/tests/host/box-probe
default: $(box_probe)
$(box_probe): tests/host/box-probe.c
	$(call say,CC,$@)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -std=gnu11 $(WARN) -O1 -static -o $@ $<
