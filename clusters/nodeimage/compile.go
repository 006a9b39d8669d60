package nodeimage

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// goEnvironment makes compilations independent of the user's settings, but for those of the proxy and of Go's own cache.
var goEnvironment = []string{"CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOOS=linux"}

// provenance is what a release says of itself: the commit and the date of its module.
type provenance struct {
	Commit string    `json:"commit"` // "" where the proxy does not tell
	Date   time.Time `json:"date"`
}

// downloaded is what matters of what "go mod download -json" prints, and of the .info file that it names.
type downloaded struct {
	GoMod, Info, Error string
}

// download fetches a module and returns the text of its go.mod and where it comes from.
func (b *builder) download(ctx context.Context, module, version string) (gomod string, from provenance, err error) {
	dir, err := b.cache.scratch()
	if err != nil {
		return "", from, err
	}
	defer os.RemoveAll(dir)
	out, err := output(ctx, b.do, command{args: []string{"go", "mod", "download", "-json", module + "@" + version}, dir: dir, env: goEnvironment})
	var d downloaded
	if json.Unmarshal([]byte(out), &d) == nil && d.Error != "" {
		return "", from, fmt.Errorf("downloading %s@%s: %s", module, version, d.Error)
	}
	if err != nil {
		return "", from, err
	}
	text, err := os.ReadFile(d.GoMod)
	if err != nil {
		return "", from, fmt.Errorf("reading the go.mod of %s@%s: %w", module, version, err)
	}
	var info struct {
		Time   time.Time
		Origin struct{ Hash string }
	}
	if raw, err := os.ReadFile(d.Info); err == nil && json.Unmarshal(raw, &info) == nil {
		from = provenance{info.Origin.Hash, info.Time}
	}
	return string(text), from, nil
}

// module leaves go.mod and go.sum of the nested module, complete for all programs, and provenance.json.
func (b *builder) module(ctx context.Context, dir string) error {
	text, from, err := b.download(ctx, kubernetesModule, "v"+b.options.Release.String())
	if err != nil {
		return err
	}
	gomod, err := nestedModule(b.options.Release, text)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(gomod), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "provenance.json"), raw, 0o644); err != nil {
		return err
	}
	args := append([]string{"go", "list"}, compilerFlags...)
	args = append(args, "-deps", "-f", "{{.ImportPath}}")
	for _, program := range append(append([]string{}, nodePrograms...), controlPrograms...) {
		args = append(args, kubernetesModule+"/cmd/"+program)
	}
	return b.do(ctx, command{args: args, dir: dir, env: goEnvironment})
}

// program compiles one program of the release.
func (b *builder) program(ctx context.Context, dir, program string) error {
	module := b.result("module")
	var from provenance
	raw, err := os.ReadFile(filepath.Join(module, "provenance.json"))
	if err == nil {
		err = json.Unmarshal(raw, &from)
	}
	if err != nil {
		return fmt.Errorf("reading where the module comes from: %w", err)
	}
	// The compiler writes to both files, and what is in the cache never changes.
	work, err := b.cache.scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(work, name), text, 0o644); err != nil {
			return err
		}
	}
	return b.compile(ctx, compilation{dir: work, pkg: kubernetesModule + "/cmd/" + program, out: filepath.Join(dir, program),
		variables: versionVariables(b.options.Release.String(), from)})
}

// versionVariables are the variables that tell the programs their version, as -X of the linker takes them. Without them the
// API server takes itself for v0.0.0, and kubeadm refuses it.
func versionVariables(release string, from provenance) []string {
	parts := strings.Split(release, ".")
	values := [][2]string{{"gitVersion", "v" + release}, {"gitMajor", parts[0]}, {"gitMinor", parts[1]}, {"gitTreeState", "clean"}}
	if from.Commit != "" {
		values = append(values, [2]string{"gitCommit", from.Commit})
	}
	if !from.Date.IsZero() {
		values = append(values, [2]string{"buildDate", from.Date.UTC().Format(time.RFC3339)})
	}
	var all []string
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for _, v := range values {
			all = append(all, pkg+"."+v[0]+"="+v[1])
		}
	}
	return all
}

// etcd compiles etcd's server.
func (b *builder) etcd(ctx context.Context, dir, version string) error {
	text, _, err := b.download(ctx, etcdModule, version)
	if err != nil {
		return err
	}
	language := languageOf(text)
	if language == "" {
		return fmt.Errorf("the go.mod of %s %s names no version of the language", etcdModule, version)
	}
	work, err := b.cache.scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.WriteFile(filepath.Join(work, "go.mod"), []byte(etcdNestedModule(version, language)), 0o644); err != nil {
		return err
	}
	return b.compile(ctx, compilation{dir: work, pkg: etcdModule, out: filepath.Join(dir, "etcd")})
}

// pause compiles our own pause.
func (b *builder) pause(ctx context.Context, dir string) error {
	work, err := b.cache.scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.WriteFile(filepath.Join(work, "main.go"), []byte(pauseSource), 0o644); err != nil {
		return err
	}
	return b.compile(ctx, compilation{dir: work, pkg: "main.go", out: filepath.Join(dir, "pause"), alone: true})
}

// compilation is one call of the compiler.
type compilation struct {
	dir       string   // the folder with go.mod
	pkg       string   // the package, or a file
	out       string   // the program
	variables []string // for -X of the linker
	alone     bool     // there is no go.mod
}

func (b *builder) compile(ctx context.Context, c compilation) error {
	flags := "-s -w"
	for _, v := range c.variables {
		flags += " -X " + v
	}
	args := []string{"go", "build", "-v"} // names the packages, so that progress is seen
	if c.alone {
		args = append(args, "-trimpath")
	} else {
		args = append(args, compilerFlags...)
	}
	if b.options.Jobs > 0 {
		args = append(args, "-p", strconv.Itoa(b.options.Jobs))
	}
	args = append(args, "-ldflags", flags, "-o", c.out, c.pkg)
	return b.do(ctx, command{args: args, dir: c.dir, env: goEnvironment})
}
