package sim_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const simPath = "github.com/sidecar-conformance/sidecar-conformance/sim"

// pureImports are the packages of the standard library that sim and what lies below it may import. None of them reads a
// clock, a file or the environment, except through the functions that impureUses finds.
var pureImports = []string{
	"bytes", "cmp", "container/heap", "encoding/json", "errors", "fmt", "io", "iter", "maps", "math", "math/bits", "slices", "sort", "strconv",
	"strings", "time", "unicode", "unicode/utf16", "unicode/utf8",
}

// pureTime are the functions of package time that depend on nothing but their arguments.
var pureTime = []string{"ParseDuration"}

// onlyRead are variables that are pointed at in order to read them; a look at the pointer's uses is all that keeps this
// true. An entry that is not needed is an error.
var onlyRead = []string{"defaultRun"}

// TestPurity keeps the promise of the package documentation: no I/O, no clock, no goroutine, no order of a map, no state
// outside a run. It reads the files that are compiled, and their types.
func TestPurity(t *testing.T) {
	// Reading the folders here makes a new package or file outdate a cached result, which go list would not.
	if err := filepath.WalkDir(".", func(_ string, _ fs.DirEntry, err error) error { return err }); err != nil {
		t.Fatal(err)
	}
	listed := goList(t, "./...")
	load := exportImporter(t)
	checked, excused := 0, map[string]bool{}
	for _, p := range listed {
		if p.ImportPath != simPath && !strings.HasPrefix(p.ImportPath, simPath+"/") {
			continue
		}
		for _, name := range slices.Concat(p.IgnoredGoFiles, p.CgoFiles, p.SFiles, p.CFiles) {
			if !strings.HasSuffix(name, "_test.go") {
				t.Errorf("%s/%s: only plain Go without build constraints, so that every platform runs the same code", p.ImportPath, name)
			}
		}
		fset := token.NewFileSet()
		var files []*ast.File
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		findings, err := impurities(fset, p.ImportPath, files, load)
		if err != nil {
			t.Fatal(err)
		}
		for _, finding := range findings {
			if i := slices.IndexFunc(onlyRead, func(v string) bool { return strings.Contains(finding, "points at "+v+",") }); i >= 0 {
				excused[onlyRead[i]] = true
				continue
			}
			t.Error(finding)
		}
		checked++
	}
	for _, v := range onlyRead {
		if !excused[v] {
			t.Errorf("nothing points at %s any more; remove it from onlyRead", v)
		}
	}
	if checked < 3 {
		t.Errorf("%d packages were checked, want sim, sim/gates and sim/trace at least", checked)
	}
}

// TestPurityFindsEachKind gives the check a small source for every rule, and sources that break none.
func TestPurityFindsEachKind(t *testing.T) {
	load := exportImporter(t)
	for _, c := range []struct{ name, source, want string }{
		{"os", `import "os"; func f() { os.Exit(1) }`, `imports "os"`},
		{"net", `import "net"; var _ net.IP`, `imports "net"`},
		{"log", `import "log"; func f() { log.Print() }`, `imports "log"`},
		{"context", `import "context"; var _ context.Context`, `imports "context"`},
		{"sync", `import "sync"; func f() { var m sync.Mutex; m.Lock() }`, `imports "sync"`},
		{"unsafe", `import "unsafe"; var _ unsafe.Pointer`, `imports "unsafe"`},
		{"global random", `import "math/rand"; func f() int { return rand.Int() }`, `imports "math/rand"`},
		{"global random v2", `import "math/rand/v2"; func f() int { return rand.Int() }`, `imports "math/rand/v2"`},
		{"blank import", `import _ "embed"`, `imports "embed"`},
		{"outside the standard library", `import _ "github.com/spf13/cobra"`, `imports "github.com/spf13/cobra"`},
		{"time.Now", `import "time"; func f() time.Time { return time.Now() }`, "time.Now"},
		{"time.Since", `import "time"; func f(t time.Time) time.Duration { return time.Since(t) }`, "time.Since"},
		{"renamed import", `import clock "time"; func f() { clock.Sleep(1) }`, "time.Sleep"},
		{"dot import", `import . "time"; func f() { Sleep(1) }`, "time.Sleep"},
		{"function as a value", `import "time"; var f = time.Now`, "time.Now"},
		{"timer", `import "time"; func f() { time.AfterFunc(1, nil) }`, "time.AfterFunc"},
		{"ticker", `import "time"; func f() { _ = time.NewTicker(1) }`, "time.NewTicker"},
		{"local zone", `import "time"; func f(t time.Time) time.Time { return t.Local() }`, "time.Local"},
		{"local zone of the host", `import "time"; var l = time.Local`, "time.Local"},
		{"unix time is local", `import "time"; func f() time.Time { return time.Unix(1, 0) }`, "time.Unix"},
		{"standard output", `import "fmt"; func f() { fmt.Println(1) }`, "fmt.Println"},
		{"standard input", `import "fmt"; func f() { fmt.Scan(nil) }`, "fmt.Scan"},
		{"standard error", `func f() { println(1) }`, "println"},
		{"goroutine", `func g() {}; func f() { go g() }`, "go statement"},
		{"coroutine", `import "iter"; func f(s iter.Seq[int]) { iter.Pull(s) }`, "iter.Pull"},
		{"channel", `func f(c chan int) {}`, "channel type"},
		{"made channel", `func f() { _ = make(chan int) }`, "channel type"},
		{"select", `func f() { select {} }`, "select"},
		{"range over a map", `func f(m map[string]int) { for k := range m { _ = k } }`, "range over a map"},
		{"range over a named map", `type m map[string]int; func f(x m) { for range x {} }`, "range over a map"},
		{"range over a type parameter", `func f[M ~map[string]int](x M) { for range x {} }`, "range over a map"},
		{"keys without an order", `import "maps"; func f(m map[string]int) { for k := range maps.Keys(m) { _ = k } }`, "maps.Keys"},
		{"values without an order", `import ("maps"; "slices"); func f(m map[string]int) []int { return slices.Collect(maps.Values(m)) }`, "maps.Values"},
		{"assignment", `var n int; func f() { n = 1 }`, "n, a variable of the package"},
		{"increment", `var n int; func f() { n++ }`, "n, a variable of the package"},
		{"element", `var a [3]int; func f() { a[1] = 1 }`, "a, a variable of the package"},
		{"field", `var s struct{ n int }; func f() { s.n += 1 }`, "s, a variable of the package"},
		{"through a pointer", `var p = new(int); func f() { *p = 1 }`, "p, a variable of the package"},
		{"key of a map", `var m = map[string]int{}; func f() { m["a"] = 1 }`, "m, a variable of the package"},
		{"delete", `var m = map[string]int{}; func f() { delete(m, "a") }`, "m, a variable of the package"},
		{"clear", `var m = map[string]int{}; func f() { clear(m) }`, "m, a variable of the package"},
		{"copy", `var a = []int{1}; func f() { copy(a, []int{2}) }`, "a, a variable of the package"},
		{"append", `var a = []int{1}; func f() []int { return append(a, 2) }`, "a, a variable of the package"},
		{"range assignment", `var n int; func f() { for n = range 3 {} }`, "n, a variable of the package"},
		{"address", `var n int; func f() *int { return &n }`, "n, a variable of the package"},
		{"pointer method", `type c struct{ n int }; func (x *c) inc() { x.n++ }; var v c; func f() { v.inc() }`, "v, a variable of the package"},
		{"sorted in place", `import "slices"; var a = []int{2, 1}; func f() { slices.Sort(a) }`, "a, a variable of the package"},
		{"init", `func init() {}`, "func init"},
		{"linkname", "//go:linkname f runtime.nanotime\nfunc f()", "//go:linkname"},
		{"printed map", `import "fmt"; func f(m map[string]int) string { return fmt.Sprintf("%v", m) }`, "prints a map"},
		{"printed map in a struct", `import "fmt"; func f(m struct{ M map[string]int }) string { return fmt.Sprint(m) }`, "prints a map"},
		{"printed pointer", `import "fmt"; func f(p *int) string { return fmt.Sprint(p) }`, "prints a pointer"},
		{"printed pointer in a slice", `import "fmt"; type T struct{ n int }; func f(p []*T) string { return fmt.Sprint(p) }`, "prints a pointer"},
		{"printed function", `import "fmt"; func f() string { return fmt.Sprint(f) }`, "prints a function"},

		{"the simulator", `import "github.com/sidecar-conformance/sidecar-conformance/sim/trace"; var _ trace.Event`, ""},
		{"sim itself", `import _ "github.com/sidecar-conformance/sidecar-conformance/sim"`, ""},
		{"durations", `import "time"; const d = 3 * time.Second; func f() string { return d.Round(time.Second).String() }`, ""},
		{"a parsed duration", `import "time"; func f() (time.Duration, error) { return time.ParseDuration("3s") }`, ""},
		{"a method of that name", `type clock struct{}; func (clock) Now() int { return 0 }; func f() int { return clock{}.Now() }`, ""},
		{"keys in order", `import ("maps"; "slices"); func f(m map[string]int) { for _, k := range slices.Sorted(maps.Keys(m)) { _ = m[k] } }`, ""},
		{"a lookup", `var m = map[string]int{"a": 1}; func f() int { return m["a"] }`, ""},
		{"a copy of a variable", `var a = []int{1}; func f() []int { b := append([]int(nil), a...); b[0] = 2; return b }`, ""},
		{"a local of that name", `var n int; func f() { n := 1; n++ }`, ""},
		{"a printed error", `import ("fmt"; "errors"); func f() error { return fmt.Errorf("a: %w", errors.New("b")) }`, ""},
		{"a printed Stringer", `import "fmt"; type T struct{ n int }; func (*T) String() string { return "" }; func f(p *T) string { return fmt.Sprint(p) }`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, "p.go", "package p; "+c.source, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			findings, err := impurities(fset, simPath+"/p", []*ast.File{file}, load)
			if err != nil && c.name != "linkname" && !strings.Contains(c.want, "imports") {
				t.Fatal(err)
			}
			all := strings.Join(findings, "\n")
			if c.want == "" && all != "" || !strings.Contains(all, c.want) {
				t.Errorf("found %q, want %q", all, c.want)
			}
		})
	}
}

// TestWebAssembly builds everything below sim for both WebAssembly platforms, which have no processes and no network.
func TestWebAssembly(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the standard library for two platforms")
	}
	for _, platform := range []string{"js", "wasip1"} {
		if err := buildWasm(".", platform, "./..."); err != nil {
			t.Error(err)
		}
	}
	doctored := t.TempDir()
	source := "package p\n\nimport \"syscall\"\n\nvar _ = syscall.PtraceAttach\n"
	err := errors.Join(
		os.WriteFile(filepath.Join(doctored, "go.mod"), []byte("module p\n\ngo 1.26\n"), 0o644),
		os.WriteFile(filepath.Join(doctored, "p.go"), []byte(source), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	if err := buildWasm(doctored, "js", "."); err == nil || !strings.Contains(err.Error(), "PtraceAttach") {
		t.Errorf("building what needs Linux for js: %v, want an error that names it", err)
	}
}

func buildWasm(dir, platform, packages string) error {
	command := exec.Command("go", "build", packages)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOOS="+platform, "GOARCH=wasm", "GOWORK=off")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("GOOS=%s GOARCH=wasm go build %s: %w\n%s", platform, packages, err, out)
	}
	return nil
}

type listedPackage struct {
	ImportPath, Dir, Export                           string
	GoFiles, IgnoredGoFiles, CgoFiles, SFiles, CFiles []string
}

func goList(t *testing.T, args ...string) []listedPackage {
	t.Helper()
	args = append([]string{"list", "-json=ImportPath,Dir,Export,GoFiles,IgnoredGoFiles,CgoFiles,SFiles,CFiles"}, args...)
	command := exec.Command("go", args...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	var listed []listedPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var p listedPackage
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		listed = append(listed, p)
	}
	return listed
}

// exportImporter reads the types of the packages that sim may import, and of those that doctored sources import.
func exportImporter(t *testing.T) types.Importer {
	t.Helper()
	exports := map[string]string{}
	args := append([]string{"-export", "-deps", "./...", "os", "net", "log", "context", "sync", "math/rand", "math/rand/v2", "embed"}, pureImports...)
	for _, p := range goList(t, args...) {
		exports[p.ImportPath] = p.Export
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("no export data for %s", path)
		}
		return os.Open(exports[path])
	})
}

// purity looks for what sim must not do in one package.
type purity struct {
	fset     *token.FileSet
	info     *types.Info
	pkg      *types.Package
	sorted   map[ast.Node]bool // calls whose result is put in order at once
	findings []string
}

// impurities returns every finding with its place. The error is the type checker's.
func impurities(fset *token.FileSet, path string, files []*ast.File, load types.Importer) ([]string, error) {
	p := &purity{fset: fset, sorted: map[ast.Node]bool{}, info: &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
	}}
	for _, file := range files {
		p.imports(file)
	}
	config := types.Config{Importer: load}
	pkg, err := config.Check(path, fset, files, p.info)
	p.pkg = pkg
	for _, file := range files {
		for _, group := range file.Comments {
			for _, comment := range group.List {
				if strings.HasPrefix(comment.Text, "//go:") {
					p.report(comment, "%s: no compiler directives", strings.Fields(comment.Text)[0])
				}
			}
		}
		ast.Inspect(file, p.node)
	}
	return p.findings, err
}

func (p *purity) report(n ast.Node, format string, args ...any) {
	at := p.fset.Position(n.Pos())
	p.findings = append(p.findings, fmt.Sprintf("%s:%d: %s", filepath.Base(at.Filename), at.Line, fmt.Sprintf(format, args...)))
}

func (p *purity) imports(file *ast.File) {
	for _, spec := range file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		if !slices.Contains(pureImports, path) && path != simPath && !strings.HasPrefix(path, simPath+"/") {
			p.report(spec, "imports %q, which is not on the list of pure packages", path)
		}
	}
}

func (p *purity) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		p.report(n, "go statement")
	case *ast.ChanType:
		p.report(n, "channel type")
	case *ast.SelectStmt:
		p.report(n, "select statement")
	case *ast.FuncDecl:
		if n.Recv == nil && n.Name.Name == "init" {
			p.report(n, "func init: state must come from the arguments of Run")
		}
	case *ast.RangeStmt:
		p.rangeOver(n)
	case *ast.AssignStmt:
		for _, left := range n.Lhs {
			p.written(left)
		}
	case *ast.IncDecStmt:
		p.written(n.X)
	case *ast.UnaryExpr:
		if _, element := n.X.(*ast.IndexExpr); n.Op == token.AND && !element {
			if v := p.packageVariable(n.X); v != nil { // an element may be pointed at, to read it
				p.report(n, "points at %s, a variable of the package", v.Name())
			}
		}
	case *ast.CallExpr:
		p.call(n)
	case *ast.SelectorExpr:
		p.pointerMethod(n)
	case *ast.Ident:
		p.use(n)
	}
	return true
}

func (p *purity) rangeOver(n *ast.RangeStmt) {
	if n.Tok == token.ASSIGN {
		p.written(n.Key)
		if n.Value != nil {
			p.written(n.Value)
		}
	}
	if isMap(p.info.TypeOf(n.X)) {
		p.report(n, "range over a map: take the keys in order, slices.Sorted(maps.Keys(m))")
	}
}

func isMap(t types.Type) bool {
	if t == nil {
		return false
	}
	if parameter, ok := t.(*types.TypeParam); ok {
		core := parameter.Underlying().(*types.Interface)
		for i := range core.NumEmbeddeds() {
			if union, ok := core.EmbeddedType(i).(*types.Union); ok && isMap(union.Term(0).Type()) {
				return true
			}
		}
		return false
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// written reports an expression that stores into a variable of a package.
func (p *purity) written(e ast.Expr) {
	if v := p.packageVariable(e); v != nil {
		p.report(e, "writes to %s, a variable of the package, after its declaration", v.Name())
	}
}

// packageVariable returns the variable of a package that an expression is a part of, or nil.
func (p *purity) packageVariable(e ast.Expr) types.Object {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.SelectorExpr:
			if ident, ok := x.X.(*ast.Ident); ok {
				if _, ok := p.info.Uses[ident].(*types.PkgName); ok {
					e = x.Sel
					continue
				}
			}
			e = x.X
		case *ast.Ident:
			v, ok := p.info.Uses[x].(*types.Var)
			if ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
				return v
			}
			return nil
		default:
			return nil
		}
	}
}

// pointerMethod reports a method with a pointer receiver of a variable of a package.
func (p *purity) pointerMethod(n *ast.SelectorExpr) {
	selection := p.info.Selections[n]
	if selection == nil || selection.Kind() != types.MethodVal {
		return
	}
	_, pointer := selection.Obj().(*types.Func).Signature().Recv().Type().(*types.Pointer)
	if pointer {
		p.written(n.X)
	}
}

func (p *purity) call(n *ast.CallExpr) {
	callee := ast.Unparen(n.Fun)
	if index, ok := callee.(*ast.IndexExpr); ok {
		callee = index.X
	}
	var ident *ast.Ident
	switch callee := callee.(type) {
	case *ast.Ident:
		ident = callee
	case *ast.SelectorExpr:
		ident = callee.Sel
	default:
		return
	}
	switch object := p.info.Uses[ident].(type) {
	case *types.Builtin:
		switch object.Name() {
		case "print", "println":
			p.report(n, "%s writes to standard error", object.Name())
		case "append", "copy", "clear", "delete":
			p.written(n.Args[0])
		}
	case *types.Func:
		p.callOf(n, object)
	}
}

func (p *purity) callOf(n *ast.CallExpr, f *types.Func) {
	if f.Pkg() == nil || f.Signature().Recv() != nil {
		return
	}
	switch f.Pkg().Path() {
	case "slices", "sort":
		if f.Pkg().Path() == "slices" && strings.HasPrefix(f.Name(), "Sorted") {
			if inner, ok := n.Args[0].(*ast.CallExpr); ok {
				p.sorted[inner.Fun] = true
				if selector, ok := inner.Fun.(*ast.SelectorExpr); ok {
					p.sorted[selector.Sel] = true
				}
			}
			return
		}
		inPlace := []string{"Sort", "SortFunc", "SortStableFunc", "Reverse", "Delete", "DeleteFunc", "Insert", "Compact", "CompactFunc", "Replace",
			"Slice", "SliceStable", "Ints", "Strings", "Stable"}
		if slices.Contains(inPlace, f.Name()) {
			p.written(n.Args[0])
		}
	case "fmt":
		for _, arg := range n.Args {
			if what := unprintable(p.info.TypeOf(arg), 0); what != "" {
				p.report(arg, "prints %s, whose text is not the same in each run or release of Go", what)
			}
		}
	}
}

// unprintable names what fmt must not be given: "a map", "a pointer", "a function", or "" for the rest.
func unprintable(t types.Type, depth int) string {
	if t == nil || depth > 4 || hasText(t) {
		return ""
	}
	switch u := t.Underlying().(type) {
	case *types.Map:
		return "a map"
	case *types.Pointer:
		return "a pointer"
	case *types.Signature:
		return "a function"
	case *types.Slice:
		return unprintable(u.Elem(), depth+1)
	case *types.Array:
		return unprintable(u.Elem(), depth+1)
	case *types.Struct:
		for i := range u.NumFields() {
			if what := unprintable(u.Field(i).Type(), depth+1); what != "" {
				return what
			}
		}
	}
	return ""
}

// hasText reports whether fmt takes the text of a value from its method, or the value is a writer that it writes to.
func hasText(t types.Type) bool {
	for _, name := range []string{"String", "Error", "Write"} {
		if object, _, _ := types.LookupFieldOrMethod(t, false, nil, name); object != nil {
			if _, ok := object.(*types.Func); ok {
				return true
			}
		}
	}
	return false
}

// use reports an identifier that stands for something impure, called or not.
func (p *purity) use(n *ast.Ident) {
	object := p.info.Uses[n]
	if object == nil || object.Pkg() == nil {
		return
	}
	name := object.Name()
	f, function := object.(*types.Func)
	method := function && f.Signature().Recv() != nil
	switch path := object.Pkg().Path(); {
	case path == "time" && name == "Local",
		path == "time" && function && !method && !slices.Contains(pureTime, name):
		p.report(n, "time.%s depends on the clock or the zone of the host", name)
	case path == "fmt" && function && !method && (strings.HasPrefix(name, "Print") || strings.HasPrefix(name, "Scan")):
		p.report(n, "fmt.%s reads or writes a standard stream", name)
	case path == "iter" && strings.HasPrefix(name, "Pull"):
		p.report(n, "iter.%s starts a coroutine", name)
	case path == "maps" && slices.Contains([]string{"Keys", "Values", "All"}, name) && !p.sorted[n]:
		p.report(n, "maps.%s outside slices.Sorted: the order of a map is random", name)
	}
}

// TestPureImportsAreUsed keeps the list honest: a name that the standard library does not have would never be missed.
func TestPureImportsAreUsed(t *testing.T) {
	known := map[string]bool{}
	for _, p := range goList(t, pureImports...) {
		known[p.ImportPath] = true
	}
	for _, path := range pureImports {
		if !known[path] {
			t.Errorf("%q is not a package; known are %v", path, slices.Sorted(maps.Keys(known)))
		}
	}
}
