package nodeimage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCommands shows all that is run by a build from nothing, and by those after it: the same again, another release, another
// name.
func TestCommands(t *testing.T) {
	h := newHost(t)
	var b strings.Builder
	build := func(title, release, image string) {
		h.ran, h.reports = nil, nil
		builder := h.builder(release)
		if image != "" {
			builder.options.Image = image
		}
		if err := builder.build(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.WriteString("==== " + title + "\n")
		for _, line := range h.ran {
			b.WriteString(h.tidy(line) + "\n")
		}
		for _, p := range h.reports {
			if p.State != Running {
				b.WriteString("    " + p.Name + " " + string(p.State) + "\n")
			}
		}
	}
	build("from nothing", "1.29", "")
	build("the same again", "1.29", "")
	h.images["sidecar-conformance/node:v1.29.15"] = "another" // as after a change of a file
	build("after a change", "1.29", "")
	build("under another name", "1.29", "kindest/node:v1.29.15")
	build("another release", "1.30", "")
	wantFile(t, "commands.txt", b.String())
	wantClean(t, h)
}

// wantClean wants no container and nothing unfinished in the cache.
func wantClean(t *testing.T, h *host) {
	t.Helper()
	for name := range h.containers {
		t.Errorf("the container %s is left", name)
	}
	entries, err := os.ReadDir(h.cache)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), unfinished) {
			t.Errorf("%s is left in the cache", entry.Name())
		}
	}
}

// TestInterrupted cancels a build before each of its commands, and then lets it go on to its end.
func TestInterrupted(t *testing.T) {
	whole := newHost(t)
	if err := whole.builder("1.29").build(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range whole.ran {
		if testing.Short() && n%4 != 0 {
			continue
		}
		h := newHost(t)
		ctx, cancel := context.WithCancel(t.Context())
		left := n
		h.before = func(string) {
			if left--; left < 0 {
				cancel()
			}
		}
		err := h.builder("1.29").build(ctx)
		cancel()
		if last := n == len(whole.ran)-1; last != (err == nil) { // the last removes the container, cancelled or not
			t.Fatalf("cancelled before %q: %v", whole.ran[n], err)
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before %q: %v", whole.ran[n], err)
		}
		wantClean(t, h)
		h.before = nil
		if err := h.builder("1.29").build(t.Context()); err != nil {
			t.Errorf("cancelled before %q, and built again: %v", whole.ran[n], err)
		}
		wantClean(t, h)
	}
}

// TestFailed lets each command of a build fail.
func TestFailed(t *testing.T) {
	whole := newHost(t)
	if err := whole.builder("1.29").build(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, line := range whole.ran {
		if strings.HasPrefix(line, "docker image inspect") || strings.HasPrefix(line, "docker rm ") {
			continue // the one may fail, and after the other a container does stay
		}
		h := newHost(t)
		words := strings.Fields(line)
		h.tamper = tamper{strings.Join(words[:min(2, len(words))], " "), "", errExit}
		if err := h.builder("1.29").build(t.Context()); filepath.IsAbs(words[0]) == (err != nil) {
			t.Errorf("%q failed: %v", line, err)
		}
		wantClean(t, h)
	}
}

// TestKeys changes what goes into a build, and looks which results are made anew.
func TestKeys(t *testing.T) {
	changed := func(a, b []step) []string {
		var names []string
		for i := range a {
			if a[i].key != b[i].key {
				names = append(names, a[i].name)
			}
		}
		return names
	}
	steps := func(text, image, goVersion, architecture string) []step {
		s, err := plan(Options{Release: release(t, text), Image: image, Cache: t.TempDir(), Jobs: len(image)}, goVersion, architecture)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := steps("1.29", "a/node:1", "go1.99.1", "amd64")
	programs := slices.Concat([]string{"module"}, nodePrograms, controlPrograms)
	for _, c := range []struct {
		title string
		with  []step
		want  []string
	}{
		{"nothing", steps("1.29.15", "a/node:1", "go1.99.1", "amd64"), nil},
		{"name, cache, and jobs", steps("1.29", "another/node:2", "go1.99.1", "amd64"), nil},
		{"patch release", steps("1.29.14", "a/node:1", "go1.99.1", "amd64"), slices.Concat(programs, []string{"images", "node"})},
		{"release", steps("1.30", "a/node:1", "go1.99.1", "amd64"), slices.Concat(programs, []string{"images", "node"})},
		{"release and etcd", steps("1.37", "a/node:1", "go1.99.1", "amd64"), slices.Concat(programs, []string{"etcd", "images", "node"})},
		{"compiler", steps("1.29", "a/node:1", "go1.99.2", "amd64"), slices.Concat(programs, []string{"etcd", "pause", "images", "node"})},
		{"architecture", steps("1.29", "a/node:1", "go1.99.1", "arm64"), slices.Concat([]string{"rootfs", "base"}, programs, []string{"etcd", "pause", "images", "node"})},
	} {
		if got := changed(first, c.with); !slices.Equal(got, c.want) {
			t.Errorf("another %s changes %v, want %v", c.title, got, c.want)
		}
	}
	if a, b := keyOf("x", []string{"ab", "c"}), keyOf("x", []string{"a", "bc"}); a == b {
		t.Error("inputs run into each other")
	}
}

// TestSweep keeps what a running build is filling, and removes what a dead one left.
func TestSweep(t *testing.T) {
	c := cache{t.TempDir()}
	alive, err := c.scratch()
	if err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(c.dir, unfinished+"999999999-1")
	kept := c.path("kubelet", "0123")
	for _, dir := range []string{dead, kept} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.sweep(); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{alive: true, dead: false, kept: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s: %v", filepath.Base(dir), err)
		}
	}
	h := newHost(t)
	h.containers[containerPrefix+"999999999"] = true
	if err := h.builder("1.29").build(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantClean(t, h)
	if err := (cache{filepath.Join(c.dir, "none")}).sweep(); err != nil {
		t.Errorf("sweeping a cache that is not there: %v", err)
	}
}
