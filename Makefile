# catpipe. `make help` lists what can be made; a newcomer needs `make demo` and `make test`.

# --- settings: override on the command line -------------------------------------------------------
PREFIX ?= /usr/local
prefix ?= $(PREFIX)
bindir ?= $(prefix)/bin
libdir ?= $(prefix)/lib
mandir ?= $(prefix)/share/man
datadir ?= $(prefix)/share/catpipe
bashcompdir ?= $(prefix)/share/bash-completion/completions
zshcompdir ?= $(prefix)/share/zsh/site-functions
fishcompdir ?= $(prefix)/share/fish/vendor_completions.d
DESTDIR ?=
# V=1 shows whole command lines.
Q := $(if $(V),,@)
SAN ?=
COV ?=
VERSION := 0.1.0

# A sanitizer or coverage build lives beside the release build, under its own name.
O ?= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(COV),-cov)
comma := ,

# --- Debian's packages, each with its reason ------------------------------------------------------
DEPS_BUILD := gcc make pkg-config \
	libzstd-dev liblz4-dev libsnappy-dev libdeflate-dev libbrotli-dev zlib1g-dev \
	libjansson-dev libyaml-dev libcairo2-dev libexpat1-dev libcurl4-openssl-dev libssl-dev
#   libzstd-dev, liblz4-dev   bodies of Arrow streams, pages of Parquet
#   libsnappy-dev, libdeflate-dev, libbrotli-dev   Parquet pages that others wrote
#   zlib1g-dev                .gz text, as a stream
#   libjansson-dev            --json and --spec
#   libyaml-dev               lists of tables (tables.yaml)
#   libcairo2-dev             pictures as PNG, SVG, PDF
#   libexpat1-dev             VOTable in footers of Parquet, what S3 answers
#   libcurl4-openssl-dev      https:// and s3://
#   libssl-dev                digests and signatures of S3 requests
DEPS_TEST := bats libcmocka-dev jq mandoc python3-venv libarchive-tools parallel shellcheck clang libclang-rt-14-dev valgrind
#   bats, libcmocka-dev       command-line and unit tests
#   jq                        turns --spec into manual pages; reads JSON in tests
#   mandoc                    checks manual pages
#   python3-venv              independent readers (pyarrow, DuckDB, LSDB, astropy) for make test-long
#   libarchive-tools          bsdtar: streams catalogues out of packages for the demo
#   parallel                  the demo's two workers
#   shellcheck                checks our scripts
#   clang, libclang-rt-14-dev, valgrind   fuzz targets and memory checks of make test-long
DEPS_LONG := radosgw ceph-mon ceph-osd ceph-common s3cmd curl openssl faketime
#   radosgw, ceph-mon, ceph-osd, ceph-common   an S3 server: Ceph's, in memory (the other is built from its Go module)
#   s3cmd, curl               clients beside ours
#   openssl                   certificates of test servers
#   faketime                  programs whose clock is wrong

# --- flags -----------------------------------------------------------------------------------------
CC ?= gcc
PKG_CONFIG ?= pkg-config
PKGS := libzstd liblz4 libbrotlidec libdeflate zlib jansson yaml-0.1 expat
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wformat=2 -Wundef -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wcast-qual -Wconversion -Wsign-conversion \
	-Wswitch-enum -Wimplicit-fallthrough -Wno-format-truncation -Wno-maybe-uninitialized -Wno-unknown-warning-option $(if $(CI),-Werror)
OPT := $(if $(SAN),-O1 -fno-omit-frame-pointer,-O3) -g
HARDEN := $(if $(SAN),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong -fPIC
ALL_CFLAGS := -std=c11 -D_XOPEN_SOURCE=700 -D_DEFAULT_SOURCE -D_FILE_OFFSET_BITS=64 -pthread -fno-common \
	-fvisibility=hidden -ffp-contract=off -fno-math-errno -fno-trapping-math $(WARN) $(OPT) $(HARDEN) \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -DCAT_FAULT) $(if $(COV),--coverage -DCAT_FAULT) \
	-DCAT_VERSION='"$(VERSION)"' -DCAT_LIBDIR='"$(libdir)"' -DCAT_DATADIR='"$(datadir)"' -Ilib $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null) $(CFLAGS)
ALL_LDFLAGS := -pthread -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN)) \
	$(if $(COV),--coverage) $(LDFLAGS)
LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null) -lsnappy -lm -ldl

# --- what there is ---------------------------------------------------------------------------------
# lib/FOLDER/backend_NAME.c becomes lib/catpipe/NAME.so, opened when first needed; BACKEND_PKGS_NAME is what it links.
BACKEND_SRC := $(sort $(wildcard lib/*/backend_*.c))
BACKENDS := $(foreach s,$(BACKEND_SRC),$(O)/lib/catpipe/$(patsubst backend_%.c,%.so,$(notdir $(s))))
BACKEND_PKGS_cairo := cairo
BACKEND_PKGS_net := libcurl libcrypto
LIB_SRC := $(filter-out $(BACKEND_SRC),$(sort $(wildcard lib/*/*.c)))
CMD_SRC := $(sort $(wildcard cmd/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
PROGRAMS := $(patsubst cmd/%.c,%,$(CMD_SRC))
LIB_OBJ := $(LIB_SRC:%.c=$(O)/obj/%.o)
CMD_BIN := $(PROGRAMS:%=$(O)/bin/%)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(O)/unit/%)
REPLAY_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(O)/replay/%)
TOOL_BIN := $(patsubst tests/tools/%.c,$(O)/tools/%,$(sort $(wildcard tests/tools/*.c)))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help deps test test-long demo bench install uninstall clean pages unit-bin replay-bin fuzz-bin tool-bin FORCE

all: $(CMD_BIN) $(BACKENDS) $(O)/share/catpipe/tables.yaml

# Found there by programs that were not installed.
$(O)/share/catpipe/%: infra/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

help:
	@echo 'make            programs into build/bin'
	@echo 'make demo       installs what is missing, builds, runs the main job on a real catalogue'
	@echo 'make test       installs what is missing, builds, tests (five minutes)'
	@echo 'make test-long  independent readers, sanitizers, real servers (with test: what CI runs)'
	@echo 'make bench      side by side with other tools on the same files'
	@echo 'make install    PREFIX=/usr/local, DESTDIR=; PREFIX=~/.local needs no root'
	@echo 'make deps       what is missing to build and test'
	@echo 'make pages      manual pages from the option tables'
	@echo 'SAN=address,undefined | SAN=thread | COV=1   builds beside the release build'

# --- compiling -------------------------------------------------------------------------------------
# Rewritten only when the flags differ, so that a change of flags rebuilds.
$(O)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LIBS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LIBS)' > $@
FORCE:

$(O)/obj/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	@echo '  CC   $<'
	$(Q)$(CC) $(ALL_CFLAGS) $(BACKEND_CFLAGS) -MMD -MP -c $< -o $@

$(O)/libcatpipe.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(O)/bin/%: $(O)/obj/cmd/%.o $(O)/libcatpipe.a
	@mkdir -p $(@D)
	@echo '  LD   $@'
	$(Q)$(CC) $(ALL_CFLAGS) $< $(O)/libcatpipe.a $(ALL_LDFLAGS) $(LIBS) -o $@

$(O)/unit/%: $(O)/obj/tests/unit/%.o $(O)/libcatpipe.a
	@mkdir -p $(@D)
	@echo '  LD   $@'
	$(Q)$(CC) $(ALL_CFLAGS) $< $(O)/libcatpipe.a $(ALL_LDFLAGS) -lcmocka $(LIBS) -o $@

$(O)/tools/%: $(O)/obj/tests/tools/%.o $(O)/libcatpipe.a
	@mkdir -p $(@D)
	@echo '  LD   $@'
	$(Q)$(CC) $(ALL_CFLAGS) $< $(O)/libcatpipe.a $(ALL_LDFLAGS) $(LIBS) -o $@

define backend
$(O)/lib/catpipe/$(1).so: private BACKEND_LIBS = $$(shell $$(PKG_CONFIG) --libs $$(BACKEND_PKGS_$(1)))
$(O)/lib/catpipe/$(1).so: $(O)/obj/$(basename $(2)).o $(O)/libcatpipe.a
	@mkdir -p $$(@D)
	@echo '  LD   $$@'
	$$(Q)$$(CC) $$(ALL_CFLAGS) -shared $$^ $$(filter-out -pie,$$(ALL_LDFLAGS)) -Wl,--exclude-libs,ALL $$(BACKEND_LIBS) $$(LIBS) -o $$@
$(O)/obj/$(basename $(2)).o: private BACKEND_CFLAGS = $$(shell $$(PKG_CONFIG) --cflags $$(BACKEND_PKGS_$(1)))
endef
$(foreach s,$(BACKEND_SRC),$(eval $(call backend,$(patsubst backend_%.c,%,$(notdir $(s))),$(s))))

# A fuzz target replays a corpus without a fuzzing engine.
$(O)/replay/%: $(O)/obj/tests/fuzz/%.o $(O)/obj/tests/fuzz/replay.o $(O)/libcatpipe.a
	@mkdir -p $(@D)
	@echo '  LD   $@'
	$(Q)$(CC) $(ALL_CFLAGS) $(filter %.o,$^) $(O)/libcatpipe.a $(ALL_LDFLAGS) $(LIBS) -o $@

# The same with clang's libFuzzer, for tests/long/fuzz.
$(O)/fuzz/%: $(O)/obj/tests/fuzz/%.o $(O)/libcatpipe.a
	@mkdir -p $(@D)
	@echo '  LD   $@'
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer $^ $(ALL_LDFLAGS) $(LIBS) -o $@

unit-bin: $(UNIT_BIN) $(BACKENDS)
replay-bin: $(REPLAY_BIN)
fuzz-bin: $(FUZZ_SRC:tests/fuzz/%.c=$(O)/fuzz/%)
tool-bin: $(TOOL_BIN)

-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)

# --- newcomer's commands ---------------------------------------------------------------------------
deps:
	@tests/tools/deps build $(DEPS_BUILD) -- test $(DEPS_TEST)

demo:
	@tests/tools/deps build $(DEPS_BUILD) -- demo libarchive-tools jq parallel $(if $(S3),$(DEPS_LONG))
	@$(MAKE) --no-print-directory -j2 all
	@examples/demo/demo

test:
	@tests/tools/deps build $(DEPS_BUILD) -- test $(DEPS_TEST)
	@$(MAKE) --no-print-directory -j$$(nproc) all tool-bin
	@$(MAKE) --no-print-directory -j$$(nproc) SAN=address,undefined all unit-bin replay-bin
	@tests/tools/run-tests short

test-long:
	@tests/tools/deps build $(DEPS_BUILD) -- test $(DEPS_TEST) $(DEPS_LONG)
	@$(MAKE) --no-print-directory -j$$(nproc) all tool-bin
	@tests/tools/run-tests long

bench: all
	@tests/bench/run

pages: all
	@tests/tools/pages build/bin man

# --- installing ------------------------------------------------------------------------------------
install: all
	install -d '$(DESTDIR)$(bindir)' '$(DESTDIR)$(mandir)/man1' '$(DESTDIR)$(mandir)/man7' \
		'$(DESTDIR)$(mandir)/man5' '$(DESTDIR)$(bashcompdir)' '$(DESTDIR)$(zshcompdir)' '$(DESTDIR)$(fishcompdir)'
	install -m 755 $(CMD_BIN) '$(DESTDIR)$(bindir)'
	install -d '$(DESTDIR)$(libdir)/catpipe'
	install -m 644 $(BACKENDS) '$(DESTDIR)$(libdir)/catpipe'
	install -d '$(DESTDIR)$(datadir)'
	install -m 644 infra/tables.yaml '$(DESTDIR)$(datadir)'
	install -m 644 $(wildcard man/*.1) '$(DESTDIR)$(mandir)/man1'
	install -m 644 $(wildcard man/*.5) '$(DESTDIR)$(mandir)/man5'
	install -m 644 $(wildcard man/*.7) '$(DESTDIR)$(mandir)/man7'
	for p in $(PROGRAMS); do \
		install -m 644 completions/catpipe.bash '$(DESTDIR)$(bashcompdir)'/$$p; \
		install -m 644 completions/catpipe.fish '$(DESTDIR)$(fishcompdir)'/$$p.fish; done
	install -m 644 completions/catpipe.zsh '$(DESTDIR)$(zshcompdir)/_catpipe'

uninstall:
	rm -f $(BACKENDS:$(O)/lib/%='$(DESTDIR)$(libdir)'/%)
	rm -f '$(DESTDIR)$(datadir)/tables.yaml'
	cd '$(DESTDIR)$(bindir)' && rm -f $(PROGRAMS)
	cd '$(DESTDIR)$(mandir)' && rm -f $(PROGRAMS:%=man1/%.1) man5/catpipe-stream.5 man7/catpipe.7
	cd '$(DESTDIR)$(bashcompdir)' && rm -f $(PROGRAMS)
	cd '$(DESTDIR)$(fishcompdir)' && rm -f $(PROGRAMS:%=%.fish)
	rm -f '$(DESTDIR)$(zshcompdir)/_catpipe'

clean:
	rm -rf build build-*
