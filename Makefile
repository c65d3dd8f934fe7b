# Siteplane's commands. `make help` lists them; everything they need beyond Go is
# installed by tools/ensure-packages.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# Where Go's own instructions put it, and where Debian keeps daemons out of an
# ordinary user's PATH.
export PATH := $(PATH):/usr/local/go/bin:/usr/sbin:/sbin

# A checkout that another user owns, or no git at all, must build too.
export GOFLAGS := $(GOFLAGS) -buildvcs=false

# Every module of the workspace is built, vetted and linted alone; tools/ is
# outside of it.
modules = go list -m -f '{{.Dir}}' && echo $(CURDIR)/tools
packages = go list -m -f '{{.Path}}/...'

# Commands, besides tools/generate, whose output is committed; one a line, run at
# the root. A golden test beside each program notices when its output is stale.
define GENERATORS
@go run ./services/lifecycle/cmd/diagrams docs/state-machines.md
@go run ./cmd/siteplane cli-docs docs/cli.md
endef

# What an installation of several processes runs.
apart = ./simulators/... $(foreach s,lifecycle edge-agent tunnel dnsvalidator,github.com/siteplane/siteplane/services/$(s)/cmd/$(s))

ready = @sh tools/ensure-go && sh tools/ensure-packages $@
# $(call each,COMMAND): run COMMAND in every module's folder without the workspace,
# and name the module where it fails.
each = dirs=$$($(modules)); for dir in $$dirs; do \
	(cd "$$dir" && export GOWORK=off && $(1)) || { echo "check: failed in $$dir" >&2; exit 1; }; done

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' Makefile
	@echo 'variables:'
	@echo '  ONCE=1   demo: check, print the verdict and end'
	@echo '  SPLIT=1  demo: the four services as programs of their own'
	@echo '  DB=postgres  demo: on a PostgreSQL server of its own'
	@echo '  NAME=x   bench: only the benchmark x'
	@echo '  N=200    soak: how many sites'
	@echo '  SEED=x   soak: kill and delete by the chance of an earlier run'
	@echo '  SEEDS=10000, FROM=1  simulate: how many seeds, and the first'

.PHONY: demo
demo: ## a site from nothing to ACTIVE on this machine; stays up (ONCE=1: checks and ends)
	$(ready)
	$(if $(DB),@sh tools/ensure-packages demo-$(DB))
	@sh tools/build-example
	@go build -o bin/ ./cmd/siteplane ./test/demo $(if $(SPLIT),$(apart))
	@exec bin/demo -siteplane bin/siteplane $(if $(ONCE),-once) $(if $(SPLIT),-split) $(if $(DB),-db $(DB))

# -count=1: Go's cache of results sees the files that a test reads, not those that
# a program built or started by the test depends on.
.PHONY: test
test: ## every test of every module
	$(ready)
	@sh tools/say-skips
	@go test -count=1 -timeout 10m $$($(packages)) | sed -u '/\[no test files\]$$/d'
	@cd tools && GOWORK=off go test -count=1 -timeout 10m ./... | sed -u '/\[no test files\]$$/d'

# It needs nginx, as the demo does.
.PHONY: soak
soak: ## kill services and nginx at random under creates and deletes (N=200, SEED=x)
	@sh tools/ensure-go && sh tools/ensure-packages soak
	@SITEPLANE_SOAK=$(or $(N),200) SITEPLANE_SOAK_SEED=$(SEED) go test -count=1 -timeout 2h -v ./test/soak

# One processor each, for then who runs before whom is the seed's choice.
.PHONY: simulate
simulate: ## lifecycle with several replicas on a fake clock, under every fault (SEEDS=10000, FROM=1)
	@sh tools/ensure-go
	@go test -c -o bin/simulate.test ./services/lifecycle/simulate
	@cd services/lifecycle/simulate; seeds=$(or $(SEEDS),10000); from=$(or $(FROM),1); half=$$((seeds / 2)); \
	run() { GOMAXPROCS=1 ../../../bin/simulate.test -test.run '^TestSimulate$$' -test.timeout 2h -test.v -from $$1 -seeds $$2; }; \
	run $$from $$half & first=$$!; ok=0; run $$((from + half)) $$((seeds - half)) || ok=1; wait $$first || ok=1; exit $$ok

.PHONY: check
check: check-format check-direction check-failpoints check-modules check-build check-lint check-generated check-typescript ## what CI demands besides the tests
	@echo 'check: ok'

.PHONY: check-format
check-format:
	$(ready)
	@echo 'check: formatting'
	@files=$$("$$(go env GOROOT)/bin/gofmt" -l . | sed '/^gen\//d'); \
	[ -z "$$files" ] || { printf '%s\n' "$$files" 'these files are not formatted; `gofmt -w` repairs them' >&2; exit 1; }

.PHONY: check-direction
check-direction:
	@echo 'check: direction of imports'
	@go test ./test/deps

.PHONY: check-failpoints
check-failpoints:
	@echo 'check: every failpoint is passed by a scenario'
	@go test -run TestEveryFailpointIsReached ./test/crash

.PHONY: check-modules
check-modules:
	@echo 'check: go.mod files'
	@GOWORK=off go -C tools run ./modsync -root .. -check
	@$(call each,go mod tidy -diff | head -n 20 || { echo 'go.mod is not tidy; `make tidy` repairs it' >&2; exit 1; })

.PHONY: check-build
check-build:
	@echo 'check: every module builds and vets alone'
	@$(call each,go build ./... && go vet ./...)

.PHONY: check-lint
check-lint:
	@echo 'check: staticcheck'
	@$(call each,[ "$$dir" = $(CURDIR)/gen ] || go tool -modfile=$(CURDIR)/tools/go.mod staticcheck ./...)

.PHONY: check-generated
check-generated:
	$(ready)
	@echo 'check: generated code is fresh'
	@tools/generate -check

.PHONY: check-typescript
check-typescript:
	$(ready)
	@echo 'check: TypeScript'
	@sh tools/check-typescript

.PHONY: generate
generate: ## write gen/ and the generated documents anew
	$(ready)
	@tools/generate
	$(GENERATORS)

.PHONY: tidy
tidy: ## repair the go.mod files: siblings, equal versions, go mod tidy
	$(ready)
	@GOWORK=off go -C tools run ./modsync -root ..

.PHONY: build
build: ## every program, into bin/
	$(ready)
	@go build -o bin/ ./cmd/... ./simulators/... github.com/siteplane/siteplane/services/.../cmd/...

.PHONY: bench
bench: ## measure against the bare baseline (NAME=x: only those)
	$(ready)
	@go build -o bin/bench ./bench
	@exec bin/bench $(if $(NAME),-name '$(NAME)')
