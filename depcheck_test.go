// Package root_test checks the house itself: who imports whom, where releases are named, what the Makefile knows.
package root_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sidecar-conformance/sidecar-conformance"

// importRule says what one package, or with "/..." a package and all below it, may import besides the standard library and
// what lies below itself. Paths of this module are written without its name.
type importRule struct {
	packages string
	may      []string
}

// importRules is the table of packages. The first rule that fits a package holds. A package without a rule is an error:
// decide what it may import before it imports something.
var importRules = []importRule{
	{"internal/mutants", []string{"go.yaml.in/yaml/v4"}},
	{"sim/trace", nil},
	{"sim/gates", nil},
	{"sim/internal/random", nil},
	{"sim", []string{"sim/trace", "sim/gates", "sim/internal/random"}},
	{"sim/judge", []string{"sim/..."}},
	{"sim/rules", []string{"sim/..."}},
	{"fixtures/packed", []string{"github.com/klauspost/compress/zstd"}},
	{"fixtures/oracle/...", []string{"sim/...", "fixtures", "fixtures/packed"}},
	{"fixtures/recorded", []string{"sim/...", "fixtures/packed", "go.yaml.in/yaml/v4"}},
	{"fixtures/...", []string{"sim/...", "k8s.io/api/...", "k8s.io/apimachinery/...", "go.yaml.in/yaml/v4"}},
	{"clusters/observe/...", []string{"clusters/...", "fixtures/...", "sim/...", "k8s.io/api/...", "k8s.io/apimachinery/...",
		"k8s.io/client-go/...", "sigs.k8s.io/e2e-framework/..."}},
	// The program is built from its own files and the standard library on machines that have no copy of this module. The rest
	// of package actor reads what a scenario's processes do where fixtures lowers it to: in the types of sim.
	{"clusters/actor/program", []string{"clusters/actor/script"}},
	{"clusters/actor/script", nil},
	{"clusters/actor/...", []string{"sim", "fixtures", "k8s.io/api/...", "k8s.io/apimachinery/...", "github.com/google/go-containerregistry/..."}},
	{"clusters/...", []string{"sim/gates", "fixtures/...", "k8s.io/api/...", "k8s.io/apimachinery/...", "k8s.io/client-go/...",
		"sigs.k8s.io/kind/...", "github.com/google/go-containerregistry/..."}},
	{"internal/golden", nil},
	{"suites/runner/...", []string{"sim/...", "fixtures/...", "clusters/...", "suites/report/...", "k8s.io/..."}},
	{"suites/report/...", []string{"sim/...", "fixtures/..."}},
	{"suites", []string{"sim/...", "fixtures/...", "clusters/...", "suites/...", "k8s.io/...", "sigs.k8s.io/e2e-framework/...",
		"github.com/onsi/ginkgo/v2/...", "github.com/onsi/gomega/..."}},
	{"cmd/sidecar-conformance/internal/guard", []string{"clusters"}},
	{"cmd/sidecar-conformance/...", []string{"sim/...", "fixtures/...", "clusters/...", "suites/runner/...", "suites/report/...",
		"github.com/spf13/cobra/...", "github.com/spf13/pflag", "golang.org/x/term"}},
}

// pkg is one package, as go list prints it.
type pkg struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
	Deps                               []string
}

// TestImports keeps the table true.
func TestImports(t *testing.T) {
	packages := goList(t)
	if len(packages) < 5 {
		t.Fatalf("go list knows %d packages", len(packages))
	}
	for _, finding := range importFindings(packages) {
		t.Error(finding)
	}
}

// importFindings returns every import that the rules do not allow.
func importFindings(packages []pkg) []string {
	var findings []string
	report := func(format string, args ...any) { findings = append(findings, fmt.Sprintf(format, args...)) }
	for _, p := range packages {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if path == module+"/suites" {
				report("%s imports suites; what is shared belongs into suites/runner", name)
			}
		}
		if name == "" {
			continue // this package: tests only
		}
		i := slices.IndexFunc(importRules, func(r importRule) bool { return fits(r.packages, name) })
		if i < 0 {
			report("%s has no rule; add it to the table of packages", name)
			continue
		}
		rule := importRules[i]
		for _, path := range p.Imports {
			if standard(path) {
				continue
			}
			short := strings.TrimPrefix(path, module+"/")
			allowed := func(pattern string) bool { return fits(pattern, short) }
			if !slices.ContainsFunc(rule.may, allowed) && !(fits(rule.packages, short) && strings.HasPrefix(path, module)) {
				report("%s imports %s; it may import %v", name, short, rule.may)
			}
		}
		for _, path := range p.Deps {
			if (name == "sim" || strings.HasPrefix(name, "sim/")) && !standard(path) && !strings.HasPrefix(path, module+"/sim") {
				report("%s depends on %s, which is not in the standard library", name, path)
			}
			if fits("fixtures/...", name) && strings.HasPrefix(path, module+"/clusters") {
				report("%s depends on %s; scenarios know no clusters", name, path)
			}
			if path == "k8s.io/kubernetes" || strings.HasPrefix(path, "k8s.io/kubernetes/") {
				report("%s depends on %s; only the modules of the oracle may", name, path)
			}
		}
	}
	return findings
}

// fits reports whether a path is that of the pattern, or below it where the pattern ends in "/...".
func fits(pattern, path string) bool {
	parent, all := strings.CutSuffix(pattern, "/...")
	return path == parent || all && strings.HasPrefix(path, parent+"/")
}

// standard reports whether a package is of the standard library: the first element of its path has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// TestImportFindings shows that every rule finds what it is for.
func TestImportFindings(t *testing.T) {
	for _, c := range []struct {
		name string
		pkg  pkg
		want string
	}{
		{"gates import trace", pkg{ImportPath: "sim/gates", Imports: []string{module + "/sim/trace"}}, "sim/gates imports sim/trace"},
		{"trace imports sim", pkg{ImportPath: "sim/trace", Imports: []string{module + "/sim"}}, "sim/trace imports sim;"},
		{"sim imports rules", pkg{ImportPath: "sim", Imports: []string{module + "/sim/rules"}}, "sim imports sim/rules"},
		{"sim imports yaml", pkg{ImportPath: "sim", Imports: []string{"go.yaml.in/yaml/v4"}}, "sim imports go.yaml.in/yaml/v4"},
		{"sim depends on a module", pkg{ImportPath: "sim/trace", Deps: []string{"golang.org/x/text/width"}}, "not in the standard library"},
		{"sim depends on fixtures", pkg{ImportPath: "sim", Deps: []string{module + "/fixtures"}}, "not in the standard library"},
		{"fixtures import clusters", pkg{ImportPath: "fixtures", Imports: []string{module + "/clusters"}}, "fixtures imports clusters"},
		{"fixtures depend on clusters", pkg{ImportPath: "fixtures", Deps: []string{module + "/clusters/observe"}}, "scenarios know no clusters"},
		{"fixtures import client-go", pkg{ImportPath: "fixtures", Imports: []string{"k8s.io/client-go/rest"}}, "fixtures imports k8s.io/client-go/rest"},
		{"cmd imports suites", pkg{ImportPath: "cmd/sidecar-conformance/internal/cli", Imports: []string{module + "/suites"}}, "imports suites"},
		{"a test imports suites", pkg{ImportPath: "sim", XTestImports: []string{module + "/suites"}}, "imports suites"},
		{"report imports runner", pkg{ImportPath: "suites/report", Imports: []string{module + "/suites/runner"}}, "suites/report imports suites/runner"},
		{"runner imports ginkgo", pkg{ImportPath: "suites/runner", Imports: []string{"github.com/onsi/ginkgo/v2"}}, "suites/runner imports github.com/onsi/ginkgo/v2"},
		{"clusters import observe's library", pkg{ImportPath: "clusters/nodeimage", Imports: []string{"sigs.k8s.io/e2e-framework/klient"}}, "imports sigs.k8s.io"},
		{"the product", pkg{ImportPath: "clusters", Deps: []string{"k8s.io/kubernetes/pkg/kubelet"}}, "only the modules of the oracle"},
		{"the actor imports fixtures", pkg{ImportPath: "clusters/actor/program", Imports: []string{module + "/fixtures"}}, "imports fixtures"},
		{"a new package", pkg{ImportPath: "helpers"}, "helpers has no rule"},
		{"a new package below sim", pkg{ImportPath: "sim/extra"}, "sim/extra has no rule"},

		{"standard library", pkg{ImportPath: "sim", Imports: []string{"time", "encoding/json", module + "/sim/gates"}}, ""},
		{"below itself", pkg{ImportPath: "cmd/sidecar-conformance/internal/cli", Imports: []string{module + "/cmd/sidecar-conformance/internal/show"}}, ""},
		{"runner for the CLI", pkg{ImportPath: "cmd/sidecar-conformance/internal/cli", Imports: []string{module + "/suites/runner"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.pkg.ImportPath = module + "/" + c.pkg.ImportPath
			got := strings.Join(importFindings([]pkg{c.pkg}), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

// goMod is what go mod edit -json prints of a go.mod.
type goMod struct {
	Require []struct{ Path string }
	Replace []struct{ Old, New struct{ Path string } }
}

// TestModule keeps the product out of the root module: it would bring several hundred modules and fix one release.
func TestModule(t *testing.T) {
	for _, finding := range moduleFindings(readMod(t, "go.mod")) {
		t.Error(finding)
	}
	bad := goMod{}
	text := `{"Require":[{"Path":"k8s.io/kubernetes"},{"Path":"k8s.io/api"}],"Replace":[{"Old":{"Path":"k8s.io/api"},"New":{"Path":"../api"}}]}`
	if err := json.Unmarshal([]byte(text), &bad); err != nil {
		t.Fatal(err)
	}
	if findings := moduleFindings(bad); len(findings) != 2 {
		t.Errorf("found %q, want two findings", findings)
	}
}

func moduleFindings(m goMod) []string {
	var findings []string
	for _, r := range m.Require {
		if r.Path == "k8s.io/kubernetes" {
			findings = append(findings, "go.mod requires k8s.io/kubernetes; only the modules of the oracle may")
		}
	}
	for _, r := range m.Replace {
		findings = append(findings, fmt.Sprintf("go.mod replaces %s by %s; \"go install\" refuses that", r.Old.Path, r.New.Path))
	}
	return findings
}

func readMod(t *testing.T, name string) goMod {
	t.Helper()
	out, err := exec.Command("go", "mod", "edit", "-json", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	var m goMod
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func goList(t *testing.T) []pkg {
	t.Helper()
	command := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports,Deps", "./...")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var packages []pkg
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var p pkg
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	return packages
}
