package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const simFolder = "../../../sim"

// TestPlaces shows what is counted, on a small source with each kind of place.
func TestPlaces(t *testing.T) {
	source := `package p

func f(a, b bool, n int, list []int, v any) bool {
	if a && (b || n > 1) {
		for n < 3 {
			n++
		}
	}
	for {
		break
	}
	switch {
	case a, b:
	default:
	}
	switch n {
	case 1, 2:
	}
	switch v.(type) {
	case int:
	default:
	}
	for range list {
	}
	if x := !(a || b); x {
		return x
	}
	return n == 1 && a
}

func left() bool { return true && false }
`
	p := &instrumented{excluded: []exclusion{{"p.go", "left", "for the test"}}, used: make([]bool, 1)}
	text, err := p.file("p.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range p.branches {
		got = append(got, b.kind+": "+b.text)
	}
	want := []string{
		"operand: a", "operand: b", "operand: n > 1", "for: n < 3", "case: a", "case: b",
		"clause: switch n { case 1, 2 }", "default: switch n { none of its clauses }",
		"clause: switch v.(type) { case int }", "clause: switch v.(type) { default }", "range: for range list",
		"if: x", "operand: a", "operand: b", "operand: n == 1", "operand: a",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the places are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if before, after := strings.Count(source, "\n"), bytes.Count(text, []byte("\n")); before != after {
		t.Errorf("%d lines became %d", before, after)
	}
	if err := p.unused(); err != nil {
		t.Errorf("an exclusion that is used is reported: %v", err)
	}
}

// TestExclusionsAreUsed wants an error for an exclusion of something that is not there.
func TestExclusionsAreUsed(t *testing.T) {
	p := &instrumented{excluded: []exclusion{{"p.go", "gone", "for the test"}}, used: make([]bool, 1)}
	if _, err := p.file("p.go", []byte("package p\n\nfunc f() {}\n")); err != nil {
		t.Fatal(err)
	}
	if err := p.unused(); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("the error is %v", err)
	}
}

// run is a program that runs a small package that was instrumented.
const run = `package main

import (
	"fmt"

	sim "example.test/sim"
)

func main() {
	sim.F(1)
	sim.F(5)
	fmt.Println(sim.BranchCounts())
	sim.ResetBranches()
	fmt.Println(sim.BranchCounts()[0], sim.Branches()[0].TwoWays())
}
`

// TestCounts builds and runs a small package that was instrumented. One of its conditions has a bool type of its own.
func TestCounts(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":     "module example.test/sim\n\ngo 1.26.0\n",
		"sim.go":     "package sim\n\ntype odd bool\n\nfunc F(n int) int {\n\tif odd(n > 2) {\n\t\tn--\n\t}\n\tswitch n {\n\tcase 4:\n\t\treturn 0\n\t}\n\tfor range n {\n\t}\n\treturn n\n}\n",
		"run/run.go": run,
	} {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := &instrumented{}
	text, err := os.ReadFile(filepath.Join(folder, "sim.go"))
	if err != nil {
		t.Fatal(err)
	}
	if text, err = p.file("sim.go", text); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"sim.go": text, tableFile: p.table()} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command("go", "run", "./run")
	command.Dir = folder
	out, err := command.CombinedOutput()
	if want := "[[1 1] [1 0] [1 0] [1 0]]\n[0 0] true\n"; err != nil || string(out) != want {
		t.Errorf("the program says %q (%v), want %q", out, err, want)
	}
}

// TestSimulator instruments the simulator, and has its own tests pass with the result.
func TestSimulator(t *testing.T) {
	folder := t.TempDir()
	if err := write(simFolder, folder); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "overlay.json"))
	if err != nil {
		t.Fatal(err)
	}
	var overlay struct{ Replace map[string]string }
	if err := json.Unmarshal(text, &overlay); err != nil {
		t.Fatal(err)
	}
	if len(overlay.Replace) < 10 {
		t.Errorf("%d files are replaced", len(overlay.Replace))
	}
	command := exec.Command("go", "test", "-overlay", filepath.Join(folder, "overlay.json"), "-run", "Example|Law|Determin", ".")
	command.Dir = simFolder
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("the instrumented simulator: %v\n%s", err, out)
	}
}
