package root_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Releases of Kubernetes are named in sim/gates only. Elsewhere code asks for a behaviour by its name.

// releaseText is a release inside a text: 1.28 or v1.29.4, but not 10.1.28 or 1.288.
var releaseText = regexp.MustCompile(`(^|[^0-9.])1\.(2[0-9]|3[0-9]|4[0-9])([^0-9]|$)`)

// releaseExceptions are texts for people that name a release, each with the words that make it the one.
var releaseExceptions = []struct{ file, words string }{
	{"fixtures/fields.go", "(1.35 only)"},                         // the reason why one field of one release is not modelled
	{"sim/rules/addon.go", `"1.29.0"`},                            // a version of cluster-autoscaler, which numbers itself as Kubernetes does
	{"sim/rules/cmp.go", "with the API's types of 1.28 or later"}, // a remedy in words
}

// helpArguments are calls whose texts are help: examples of the command line and the usage of flags.
var helpArguments = []string{"examples", "StringVar", "StringVarP", "StringArrayVar", "StringArrayVarP"}

// TestReleases looks for releases in the code of all packages of the module but sim/gates. Tests, data and the modules
// of the oracle may name them.
func TestReleases(t *testing.T) {
	used := map[string]bool{}
	files := 0
	for _, name := range goFiles(t) {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "sim/gates/") {
			continue
		}
		files++
		findings, err := releaseFindings(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, finding := range findings {
			excused := false
			for _, e := range releaseExceptions {
				if strings.HasPrefix(finding, e.file+":") && strings.Contains(finding, e.words) {
					excused, used[e.file+e.words] = true, true
				}
			}
			if !excused {
				t.Error(finding)
			}
		}
	}
	if files < 50 {
		t.Errorf("%d files were read; the check has lost its way", files)
	}
	for _, e := range releaseExceptions {
		if !used[e.file+e.words] {
			t.Errorf("the exception %q of %s is not needed any more", e.words, e.file)
		}
	}
}

// releaseFindings returns what names or compares releases in one file. source is as for parser.ParseFile.
func releaseFindings(name string, source any) ([]string, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, source, 0)
	if err != nil {
		return nil, err
	}
	var findings []string
	report := func(n ast.Node, format string, args ...any) {
		at := fset.Position(n.Pos())
		findings = append(findings, fmt.Sprintf("%s:%d: %s; ask sim/gates for a behaviour", name, at.Line, fmt.Sprintf(format, args...)))
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if called, ok := n.Fun.(*ast.Ident); ok && slices.Contains(helpArguments, called.Name) {
				return false
			}
			if called, ok := n.Fun.(*ast.SelectorExpr); ok && slices.Contains(helpArguments, called.Sel.Name) {
				return false
			}
		case *ast.BasicLit:
			text := n.Value
			if n.Kind == token.STRING {
				text, _ = strconv.Unquote(n.Value)
			}
			if n.Kind != token.CHAR && releaseText.MatchString(text) {
				report(n, "%s names a release", n.Value)
			}
		case *ast.SelectorExpr:
			if n.Sel.Name == "Minor" {
				report(n, "reads the number of a release")
			}
		case *ast.CompositeLit:
			if t, ok := n.Type.(*ast.SelectorExpr); ok && t.Sel.Name == "Release" && fmt.Sprint(t.X) == "gates" && len(n.Elts) > 0 {
				report(n, "makes a release of its own")
			}
		}
		return true
	})
	return findings, nil
}

// TestReleaseFindings shows that each way to name a release is found.
func TestReleaseFindings(t *testing.T) {
	for _, c := range []struct {
		name, source string
		want         int
	}{
		{"a line", `func f(s string) bool { return s == "1.29" }`, 1},
		{"a patch release", `const newest = "1.29.4"`, 1},
		{"with a v", `var _ = "v1.33.0"`, 1},
		{"inside a target", `var _ = parse("1.28+SidecarContainers,1.30")`, 1},
		{"in a raw string", "var _ = `since 1.31`", 1},
		{"as a number", `func f(r float64) bool { return r >= 1.29 }`, 1},
		{"a minor", `func f(r gates.Release) bool { return r.Minor >= 29 }`, 1},
		{"a literal", `var r = gates.Release{Minor: 29}`, 1},
		{"a minor of a field", `func f(t gates.Target) bool { return 30 < t.Control.Release.Minor }`, 1},
		{"help", `func f() string { return examples("simulate -f pod.yaml --target 1.28..1.37") }`, 0},
		{"usage of a flag", `func f() { flags.StringVarP(&x, "target", "t", "", "such as 1.29") }`, 0},
		{"a comment", "// Since 1.29.\nfunc f() {}", 0},
		{"another number", `var _ = "11.29"`, 0},
		{"an address", `var _ = "10.1.28.3"`, 0},
		{"a duration", `var _ = 1250 * time.Millisecond`, 0},
		{"a factor", `const f = 1.5`, 0},
		{"the zero release", `var r = gates.Release{}`, 0},
	} {
		findings, err := releaseFindings("p.go", "package p\n"+c.source)
		if err != nil || len(findings) != c.want {
			t.Errorf("%s: found %q, %v, want %d findings", c.name, findings, err, c.want)
		}
	}
}

// goFiles returns the Go files of the root module, by their paths from its root.
func goFiles(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, name := range allFiles(t) {
		if strings.HasSuffix(name, ".go") && !strings.HasPrefix(name, "oracle/") {
			names = append(names, name)
		}
	}
	return names
}
