# make          what `make build` does
# make test     set-up, build, checks, tests, short fuzzing: what CI runs
# make bench    measures what docs/benchmarks.md says
# make demo     a Linux program on the Windows API, from nothing
#
# Everything that is made lies under build/, but for the runners that the commands embed; `make clean` removes both (not the
# packages that the set-up installed).

SHELL := /bin/bash
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:

BUILD := $(CURDIR)/build

# Tests find Wine, the guard, the compilers and the commands through this; winetest.File is the Go side of it.
export BEE_BUILD := $(BUILD)
export CGO_ENABLED := 0

# Where the 386 runner's image lies. Programs are linked at 0x400000 (lld), 0x08048000 (gcc): all below stays free for them.
# Go reserves its 512 MiB heap arena behind the image if it is free there, and anywhere, the guest's range included, if not:
# so the image starts as low as possible, and arena and image end near 0x61000000, below the DLLs (Wine's from 0x65680000 and 0x7a000000
# up, those of Windows mostly from 0x70000000).
RUNNER_BASE_386 := 0x40000000

# Seconds for each fuzz target in `make test`.
FUZZTIME ?= 30s

SOURCES_GO = $(shell git ls-files -co --exclude-standard '*.go' | while read -r f; do [ -f "$$f" ] && echo "$$f"; done)

.PHONY: setup build guard check vet staticcheck format unit fuzz test corpus gotests soak demo clean

setup:
	@tools/setup/setup.sh

guard: $(BUILD)/linux/guard

# A static program that is not position-independent lies at 0x400000, in what it guards, and would kill itself at execve.
$(BUILD)/linux/guard: testdata/guard/guard.c
	@mkdir -p $(@D)
	gcc -static-pie -O2 -Wall -Wextra -Werror -o $@ $<

# The runners come first: the 64-bit beerun.exe carries the 32-bit one, so that one file runs guests of both widths, and
# beerewrite carries both. Those are without symbols, which only debuggers read.
RUNNERS := internal/runners

build: guard
	go build -trimpath -o $(BUILD)/linux/ ./cmd/beegen
	GOOS=windows GOARCH=386 go build -trimpath -buildmode=pie -ldflags='-s -w' -o $(BUILD)/runners/386.exe ./cmd/beerun
	GOOS=windows GOARCH=amd64 go build -trimpath -ldflags='-s -w' -o $(BUILD)/runners/amd64.exe ./cmd/beerun
	@echo "32-bit runner: base $(RUNNER_BASE_386), large-address aware"
	@$(BUILD)/linux/beegen pe --base $(RUNNER_BASE_386) --large-address-aware $(BUILD)/runners/386.exe
	@mkdir -p $(RUNNERS)/i386/embedded $(RUNNERS)/amd64/embedded
	@gzip -9nc $(BUILD)/runners/386.exe >$(RUNNERS)/i386/embedded/beerun.exe.gz
	@gzip -9nc $(BUILD)/runners/amd64.exe >$(RUNNERS)/amd64/embedded/beerun.exe.gz
	go build -trimpath -tags bee_embed -o $(BUILD)/linux/ ./cmd/...
	GOOS=windows GOARCH=386 go build -trimpath -tags bee_embed -buildmode=pie -o $(BUILD)/windows-386/ ./cmd/...
	@$(BUILD)/linux/beegen pe --base $(RUNNER_BASE_386) --large-address-aware $(BUILD)/windows-386/beerun.exe
	GOOS=windows GOARCH=amd64 go build -trimpath -tags bee_embed -o $(BUILD)/windows-amd64/ ./cmd/...

vet:
	go vet ./...
	GOOS=windows GOARCH=amd64 go vet ./...
	GOOS=windows GOARCH=386 go vet ./...

# `go tool` under GOOS=windows would build the tool for Windows.
staticcheck:
	go build -o $(BUILD)/tools/staticcheck honnef.co/go/tools/cmd/staticcheck
	$(BUILD)/tools/staticcheck ./...
	GOOS=windows GOARCH=amd64 $(BUILD)/tools/staticcheck ./...
	GOOS=windows GOARCH=386 $(BUILD)/tools/staticcheck ./...

format:
	@[ -n "$(firstword $(SOURCES_GO))" ] || { echo "format: git names no source files"; exit 1; }
	@files=$$(go tool gofumpt -l $(SOURCES_GO)) && \
	if [ -n "$$files" ]; then echo "not formatted (go tool gofumpt -w FILE):"; echo "$$files"; exit 1; fi

# The module file says what the sources import.
tidy:
	go mod tidy -diff

check: vet staticcheck format tidy

# -count=1: the tests run programs under build/ that go test's cache does not know.
unit:
	@$(BUILD)/wine/server start
	BEE_REQUIRE_WINE=1 go test -count=1 -timeout 40m ./...

fuzz:
	@FUZZTIME=$(FUZZTIME) tools/fuzz.sh

# One after the other, whatever -j says: they need the same files and processors, and go test's output comes last.
test:
	@$(MAKE) --no-print-directory setup
	@$(MAKE) --no-print-directory build
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory fuzz

# What the rewriter does to programs of others: docs/coverage.md. Half an hour.
corpus: build
	@tools/corpus.sh
	go run ./corpus -write
	BEE_REQUIRE_WINE=1 go test -count=1 ./difftest -run '^TestNumeric$$'

# The tests of Go's own packages, natively and as guests, and docs/go-tests.md. `make test` runs those of a few.
gotests: build
	@$(BUILD)/wine/server start
	BEE_REQUIRE_WINE=1 go test -count=1 -timeout 2h ./difftest -run '^(TestGoTests|TestGoCommands|TestGoServer)$$' -gotests -update -v

soak:
	go run ./corpus -stages soak
	BEE_REQUIRE_WINE=1 go test -count=1 -timeout 4h ./difftest -run TestFileSequences -sequences 10000
	BEE_REQUIRE_WINE=1 go test -count=1 -timeout 4h ./difftest -run TestBusyboxSuite -suite all
	BEE_REQUIRE_WINE=1 go test -count=1 -timeout 4h ./difftest -run '^(TestThreadHammer|TestThreads)$$' -hammer 3m -threads 100000
	BEE_REQUIRE_WINE=1 go test -count=1 -timeout 4h ./difftest -run '^TestExchange$$' -exchange 10240 -v

demo: setup
	@$(MAKE) --no-print-directory build
	@$(BUILD)/wine/server start
	@tools/demo.sh

# Everything that docs/benchmarks.md says, measured anew.
bench: setup
	@$(MAKE) --no-print-directory build
	@tools/corpus.sh valgrind
	go run ./bench -write

clean:
	@[ ! -x $(BUILD)/wine/server ] || $(BUILD)/wine/server stop || true
	rm -rf $(BUILD) $(RUNNERS)/*/embedded
