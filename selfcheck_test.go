package root_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
)

// allFiles returns the files of the repository that are kept, by their paths from its root.
func allFiles(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if entry.IsDir() && (name == ".git" || name == "bin" || name == "build" || name == "oracle/build") {
			return filepath.SkipDir
		}
		if entry.Type().IsRegular() && name != ".git" {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestMakefile keeps the lists of the Makefile true: "make golden" reaches every package whose tests know -rewrite, every
// target has a line of help, and the whole stays short.
func TestMakefile(t *testing.T) {
	makefile := read(t, "Makefile")
	if lines := strings.Count(makefile, "\n"); lines >= 130 {
		t.Errorf("Makefile has %d lines; logic belongs into Go", lines)
	}
	listed := strings.Fields(submatch(t, makefile, `(?m)^GOLDEN := (.*)$`))
	var want []string
	for _, name := range goFiles(t) {
		dir := "./" + path.Dir(name)
		if name != "selfcheck_test.go" && strings.HasSuffix(name, "_test.go") && strings.Contains(read(t, name), `.Bool("rewrite"`) && !slices.Contains(want, dir) {
			want = append(want, dir)
		}
	}
	slices.Sort(listed)
	slices.Sort(want)
	if !slices.Equal(listed, want) {
		t.Errorf("GOLDEN is\n%v\nthe tests with -rewrite are in\n%v", listed, want)
	}
	targets := regexp.MustCompile(`(?m)^([a-z]+):([^=\n]*)$`).FindAllStringSubmatch(makefile, -1)
	for _, target := range targets {
		if !strings.Contains(target[2], "## ") {
			t.Errorf("make %s has no line of help", target[1])
		}
	}
	if len(targets) < 8 {
		t.Errorf("%d targets were found", len(targets))
	}
}

func submatch(t *testing.T, text, pattern string) string {
	t.Helper()
	match := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if match == nil {
		t.Fatalf("%s is not found", pattern)
	}
	return match[1]
}

// TestPackagesAreDocumented wants a doc.go in every package, or the comment on package main.
func TestPackagesAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, name := range goFiles(t) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		dir := path.Dir(name)
		base := path.Base(name)
		has := (base == "doc.go" || base == "main.go") && regexp.MustCompile(`(?m)^// (Package|Command) `).MatchString(read(t, name))
		documented[dir] = documented[dir] || has
	}
	for dir, has := range documented {
		if !has {
			t.Errorf("%s has no doc.go with a package comment", dir)
		}
	}
}

// TestUnmodelledFieldsAreDocumented wants every field that is not simulated in docs/semantics.md.
func TestUnmodelledFieldsAreDocumented(t *testing.T) {
	page := read(t, "docs/semantics.md")
	for _, table := range fixtures.FieldTables() {
		for _, field := range table.Fields {
			if field.Class == fixtures.Unmodelled && table.Type != "EphemeralContainer" && !strings.Contains(page, "`"+field.Name+"`") {
				t.Errorf("docs/semantics.md does not say that %s.%s is not simulated", table.Type, field.Name)
			}
		}
	}
}

// TestOpenThingsAreDocumented wants every free choice and every field of sim.Config that a seed draws in docs/semantics.md.
func TestOpenThingsAreDocumented(t *testing.T) {
	page := read(t, "docs/semantics.md")
	choices := regexp.MustCompile(`(?m)^\tchoice[A-Z]\w* += "([^"]+)"`).FindAllStringSubmatch(read(t, "sim/machine.go"), -1)
	draws := regexp.MustCompile(`(?m)^\tc\.(\w+) \+?= `).FindAllStringSubmatch(read(t, "sim/config.go"), -1)
	if len(choices) == 0 || len(draws) == 0 {
		t.Fatalf("%d choices and %d drawn fields were found", len(choices), len(draws))
	}
	for _, match := range slices.Concat(choices, draws) {
		if !strings.Contains(page, "`"+match[1]+"`") {
			t.Errorf("docs/semantics.md does not mention `%s`", match[1])
		}
	}
}

// links are the targets of Markdown links that lead into the repository.
var links = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)

// TestLinks follows every link of every Markdown file.
func TestLinks(t *testing.T) {
	found := 0
	for _, name := range allFiles(t) {
		if !strings.HasSuffix(name, ".md") {
			continue
		}
		for _, link := range deadLinks(name, read(t, name), &found) {
			t.Errorf("%s: the link to %s leads nowhere", name, link)
		}
	}
	if found == 0 {
		t.Error("no links were found")
	}
	if dead := deadLinks("README.md", "see [this](nowhere/at-all.md) and [that](go.mod#top)", &found); !slices.Equal(dead, []string{"nowhere/at-all.md"}) {
		t.Errorf("dead links are %q", dead)
	}
}

func deadLinks(name, text string, found *int) []string {
	var dead []string
	for _, match := range links.FindAllStringSubmatch(text, -1) {
		*found++
		if _, err := os.Stat(filepath.Join(filepath.Dir(filepath.FromSlash(name)), filepath.FromSlash(match[1]))); err != nil {
			dead = append(dead, match[1])
		}
	}
	return dead
}

// machinePath is a path of somebody's machine.
var machinePath = regexp.MustCompile(`(^|[\s"'(=` + "`" + `])(/root/|/home/[a-z]|/Users/|/work/|C:\\)`)

// TestNoMachinePaths wants no path of the machine that a file was written on.
func TestNoMachinePaths(t *testing.T) {
	for _, name := range allFiles(t) {
		for i, line := range strings.Split(read(t, name), "\n") {
			if machinePath.MatchString(line) && name != "selfcheck_test.go" {
				t.Errorf("%s:%d: a path of a machine: %s", name, i+1, line)
			}
		}
	}
	for _, line := range []string{"see /work/notes", `open("/root/x")`, "/home/me/go"} {
		if !machinePath.MatchString(line) {
			t.Errorf("%q is not found", line)
		}
	}
}
