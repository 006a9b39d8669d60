# Needs Go and make, nothing else. The first run fetches the modules of go.mod; after that no target needs a network,
# except "verify" where go mod tidy has not been run before, and "node-image", which also needs Docker. The oracle has a
# Makefile of its own, in oracle/.

GO       ?= go
BIN      := bin/sidecar-conformance
PREFIX   ?= $(HOME)/.local
FUZZTIME ?= 60s
COUNT    ?= 5
N        ?= 1000
SEED     ?= 1
TARGETS  ?= all

# The packages whose tests know -rewrite, and those that start goroutines. A test of the root keeps the first list true.
GOLDEN := ./clusters ./clusters/actor ./clusters/nodeimage ./sim/gates ./sim/trace ./fixtures ./fixtures/differences ./suites ./suites/report ./cmd/sidecar-conformance ./cmd/sidecar-conformance/internal/show
RACE   := ./cmd/... ./fixtures ./clusters/nodeimage ./clusters/observe ./suites/runner

# Patch releases that scenarios ask for, because of their defects.
PATCHES := 1.28.7 1.29.2 1.29.7 1.29.8 1.30.3 1.30.4 1.31.0 1.33.5 1.34.1 1.35.2 1.36.2

# The race detector needs a C compiler; without one Go turns cgo off, and that part is left out.
HAVE_RACE = $(filter 1,$(shell $(GO) env CGO_ENABLED))

.DEFAULT_GOAL := help
.PHONY: help build install test branches golden verify fuzz bench oracle oracle-fuzz oracle-cases oracle-record mutants node-image verify-kind demo clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build bin/sidecar-conformance
	@mkdir -p bin
	$(GO) build -o $(BIN) ./cmd/sidecar-conformance

install: build ## Copy the program to PREFIX/bin (default ~/.local)
	install -D $(BIN) $(DESTDIR)$(PREFIX)/bin/sidecar-conformance

demo: build ## Show a Pod with a mesh proxy on three targets, compared; then what recordings of clusters say of the simulator
	@$(BIN) simulate -f examples/mesh-proxy.yaml --delete-at 60s --target 1.28,1.28+SidecarContainers,1.29
	@if ls fixtures/recorded/*/ >/dev/null 2>&1; then echo; $(BIN) verify | sed -n '1,/^✓/p'; fi

test: ## Vet, test the concurrent packages under the race detector, test everything
	$(GO) vet ./...
ifneq ($(HAVE_RACE),)
	GORACE=atexit_sleep_ms=0 $(GO) test -race -short $(RACE)
else
	@echo "no C compiler: the race detector is left out"
endif
	$(GO) test ./...
	@$(MAKE) --no-print-directory branches

branches: ## See that the recordings of the real kubelets reach every branch of the simulator that is not named
	@$(MAKE) --no-print-directory -s -C oracle instrument
	$(GO) test -tags branches -overlay oracle/build/_branches/overlay.json ./fixtures/oracle -run '^TestBranches$$'

golden: ## Rewrite the files that output is compared with; read every changed line
	$(GO) test $(GOLDEN) -rewrite
	@git status --short -- '*testdata*' '*.trace.txt' README.md docs 2>/dev/null || true

verify: ## Check gofmt, vet, the golden files and go.mod, and change nothing
	@unformatted=$$(gofmt -l $$(find . -name "*.go" -not -path "./oracle/build/*") 2>&1); test -z "$$unformatted" || { echo "gofmt would change:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) test $(GOLDEN)
	$(GO) mod tidy -diff

fuzz: ## Run each fuzz target for FUZZTIME (default 60s)
	@set -e; for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' cmd fixtures sim | xargs -n1 dirname | sort -u); do \
		for target in $$($(GO) test -list '^Fuzz' ./$$dir | grep '^Fuzz'); do \
			echo "$$dir $$target"; \
			$(GO) test ./$$dir -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x; \
		done; \
	done

bench: ## Run the benchmarks COUNT times (default 5)
	$(GO) test -run '^$$' -bench . -count $(COUNT) ./sim ./fixtures ./cmd/...

oracle: ## Build the real kubelets of all releases, or of RELEASE, as programs in virtual time
	@$(MAKE) --no-print-directory -C oracle $(if $(RELEASE),oracle-$(RELEASE),all)

oracle-fuzz: ## Compare N Pods drawn from SEED with the real kubelet of RELEASE (default 1.37); keep differences in oracle/found
	@$(MAKE) --no-print-directory -C oracle oracle-$(or $(RELEASE),1.37) instrument
	@cd oracle/drive && $(GO) build -tags branches -overlay ../build/_branches/overlay.json -o ../build/fuzz ./fuzz
	@oracle/build/fuzz -oracle oracle/build -release $(or $(RELEASE),1.37) -n $(N) -seed $(SEED) -keep oracle/found -uncovered oracle/build/uncovered-$(or $(RELEASE),1.37).txt

oracle-cases: ## Compare every Pod that the simulator once got wrong with the real kubelet
	@set -e; for file in oracle/cases/*.json; do \
		name=$$(basename $$file); release=$${name%%-*}; \
		$(MAKE) --no-print-directory -s -C oracle oracle-$$release; \
		out=$$(cd oracle/drive/fuzz && $(GO) run . -release $$release -replay ../../cases/$$name) || { echo "$$name: $$out"; exit 1; }; \
		echo "$$name: $$out" | head -1; \
	done

oracle-record: oracle ## Have the real kubelets of all releases run all scenarios; replace what fixtures/oracle holds
	@set -e; for release in $(PATCHES); do $(MAKE) --no-print-directory -s -C oracle oracle-$$release; done
	@cd oracle/drive/record && $(GO) run .

mutants: ## Change the simulator's rules one by one, and see the recordings of the real kubelets notice each, those of clusters most
	$(GO) test ./fixtures/oracle ./fixtures/recorded -run '^TestMutants$$' -mutants -timeout 60m -v

node-image: ## Build an image of a kind node of RELEASE (default 1.29) without a registry; as root
	@$(GO) run ./cmd/sidecar-conformance clusters build-image $(or $(RELEASE),1.29)

comma := ,
verify-kind: build ## Play the scenarios on kind clusters of TARGETS, made of IMAGES (RELEASE=IMAGE,...); reports below build/
	@mkdir -p build
	$(BIN) verify --against kind --target $(TARGETS) $(foreach image,$(subst $(comma), ,$(IMAGES)),--image $(image)) $(VERIFYFLAGS) \
		--into build/recordings --report text=build/report.txt --report markdown=build/report.md --report json=build/report.json --report junit=build/report.xml

clean: ## Remove what was built
	rm -rf bin build
