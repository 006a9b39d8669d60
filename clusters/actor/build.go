package actor

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// source is everything that the program is built from, besides the standard library.
//
//go:embed program/*.go script/*.go
var source embed.FS

// Archs are the architectures of nodes that the actor is built for, in the words of Go.
func Archs() []string { return []string{"amd64", "arm64"} }

// Version is twelve hexadecimal digits that change with the program's source.
func Version() string { return sourceVersion[:12] }

var sourceVersion = hashSource()

func hashSource() string {
	sum := sha256.New()
	for _, name := range sourceFiles() {
		text, err := source.ReadFile(name)
		if err != nil {
			panic(err) // the files are embedded
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(text), text)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// sourceFiles returns the names of the embedded files, without tests, in order.
func sourceFiles() []string {
	var names []string
	err := fs.WalkDir(source, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !strings.HasSuffix(name, "_test.go") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		panic(err) // the files are embedded
	}
	return names
}

// Builder makes the program and its image. The zero value is ready.
type Builder struct {
	// Cache is the directory in which built programs are kept. Default: a directory of this project in the user's cache.
	Cache string
	// Go is the go command. Default: "go", as found in PATH.
	Go string
}

// Binary returns the program for an architecture: the embedded one, the one in the cache, or a new one.
func (b Builder) Binary(ctx context.Context, arch string) ([]byte, error) {
	if !slices.Contains(Archs(), arch) {
		return nil, fmt.Errorf("architecture %q: the actor is built for %s", arch, strings.Join(Archs(), " and "))
	}
	if of, err := embedded.ReadFile(embeddedVersion); err == nil && string(of) == sourceVersion {
		return embedded.ReadFile(embeddedName(arch))
	}
	cache, err := b.cache()
	if err != nil {
		return nil, err
	}
	toolchain, err := b.toolchain(ctx)
	if err != nil {
		return nil, err
	}
	kept := filepath.Join(cache, Version()+"-"+toolchain, "actor-linux-"+arch)
	if binary, err := os.ReadFile(kept); err == nil {
		return binary, nil
	}
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		return nil, fmt.Errorf("keeping the actor: %w", err)
	}
	// Built beside its place and moved there whole: another process may do the same at the same time.
	work, err := os.MkdirTemp(filepath.Dir(kept), "build-")
	if err != nil {
		return nil, fmt.Errorf("building the actor: %w", err)
	}
	defer os.RemoveAll(work)
	if err := b.build(ctx, work, arch, toolchain); err != nil {
		return nil, err
	}
	if err := os.Rename(filepath.Join(work, "actor"), kept); err != nil {
		return nil, fmt.Errorf("keeping the actor: %w", err)
	}
	return os.ReadFile(kept)
}

// embeddedVersion is the file that says which source the embedded programs are of: one that was changed after "go generate"
// has to be built again.
const embeddedVersion = "bin/version"

func embeddedName(arch string) string { return "bin/actor-linux-" + arch }

// WriteEmbedded writes what a build with the tag embed_actor takes, below a directory.
func (b Builder) WriteEmbedded(ctx context.Context, dir string) error {
	files := map[string][]byte{embeddedVersion: []byte(sourceVersion)}
	for _, arch := range Archs() {
		binary, err := b.Binary(ctx, arch)
		if err != nil {
			return err
		}
		files[embeddedName(arch)] = binary
	}
	return writeFiles(dir, files)
}

func writeFiles(dir string, files map[string][]byte) error {
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

func (b Builder) cache() (string, error) {
	if b.Cache != "" {
		return b.Cache, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding a directory to keep the actor in: %w", err)
	}
	return filepath.Join(dir, "sidecar-conformance", "actor"), nil
}

func (b Builder) command(ctx context.Context, args ...string) *exec.Cmd {
	name := b.Go
	if name == "" {
		name = "go"
	}
	c := exec.CommandContext(ctx, name, args...)
	// What a user has set for builds of his own must not change the program. Nothing is to be downloaded, no toolchain either.
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GO111MODULE=on", "GOTOOLCHAIN=local", "GOPROXY=off",
		"GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off")
	return c
}

// toolchain names the Go release, which the program's bytes depend on.
func (b Builder) toolchain(ctx context.Context) (string, error) {
	out, err := b.command(ctx, "env", "GOVERSION").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("the actor is not part of this program and has to be built, which needs Go: %w; "+
			"install Go, or use a release, which has the actor in it", err)
	}
	if err != nil {
		return "", fmt.Errorf("asking Go for its version: %w", err)
	}
	return strings.ReplaceAll(strings.TrimSpace(string(out)), " ", "-"), nil
}

// modulePath is the program's module where it is built: that of this project, so that its imports need no change.
const modulePath = "github.com/sidecar-conformance/sidecar-conformance"

// language finds the version of the language in the name of a Go release.
var language = regexp.MustCompile(`go(\d+\.\d+)`)

// build lays out the source as a module of its own and compiles it to work/actor, in the language of the Go release.
func (b Builder) build(ctx context.Context, work, arch, toolchain string) error {
	match := language.FindStringSubmatch(toolchain)
	if match == nil {
		return fmt.Errorf("building the actor: %q is not the name of a Go release", toolchain)
	}
	module := filepath.Join(work, "module")
	files := map[string][]byte{"go.mod": []byte("module " + modulePath + "\n\ngo " + match[1] + "\n")}
	for _, name := range sourceFiles() {
		text, err := source.ReadFile(name)
		if err != nil {
			return err
		}
		files["clusters/actor/"+name] = text
	}
	if err := writeFiles(module, files); err != nil {
		return fmt.Errorf("building the actor: %w", err)
	}
	c := b.command(ctx, "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", filepath.Join(work, "actor"), "./clusters/actor/program")
	c.Dir = module
	c.Env = append(c.Env, "GOOS=linux", "GOARCH="+arch)
	if said, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("building the actor for %s: %w\n%s", arch, err, said)
	}
	return nil
}
