package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// documents are the files whose blocks of "console" are run.
var documents = []string{"README.md", "CONTRIBUTING.md", "docs/semantics.md"}

// TestDocuments runs every command of the documents that stands in a block of "console", with 80 columns, and compares
// the output with the lines below it. Blocks of other kinds are not run.
func TestDocuments(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("COLUMNS", "80")
	t.Setenv("LC_ALL", "C.UTF-8")
	run := func(line string) (string, error) {
		command := exec.Command("bash", "-o", "pipefail", "-c", line)
		command.Dir = root
		out, err := command.CombinedOutput()
		return string(out), err
	}
	commands := 0
	for _, name := range documents {
		path := filepath.Join(root, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rerun, n, err := rerunBlocks(string(text), run)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		commands += n
		if rerun == string(text) {
			continue
		}
		if *rewrite {
			if err := os.WriteFile(path, []byte(rerun), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, want := strings.Split(rerun, "\n"), strings.Split(string(text), "\n")
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Errorf("%s:%d: the program prints %q, the file says %q; go test ./cmd/sidecar-conformance -rewrite accepts", name, i+1, got[i], want[i])
				break
			}
		}
	}
	if commands < 5 {
		t.Errorf("%d commands were found", commands)
	}
}

// rerunBlocks returns the text with the output of each command of a "console" block put in, and the number of commands.
func rerunBlocks(text string, run func(command string) (string, error)) (string, int, error) {
	var b strings.Builder
	inside, commands := false, 0
	for line := range strings.Lines(text) {
		bare := strings.TrimSuffix(line, "\n")
		switch {
		case !inside:
			inside = bare == "```console"
			b.WriteString(line)
		case bare == "```":
			inside = false
			b.WriteString(line)
		case strings.HasPrefix(bare, "$ "):
			b.WriteString(line)
			out, err := run(bare[2:])
			if err != nil {
				return "", commands, fmt.Errorf("%s: %w\n%s", bare, err, out)
			}
			b.WriteString(strings.TrimRight(out, "\n") + "\n")
			commands++
		}
	}
	if inside {
		return "", commands, fmt.Errorf("a block of console is not closed")
	}
	return b.String(), commands, nil
}

// TestRerunBlocks shows that a wrong output is seen, and what is left alone.
func TestRerunBlocks(t *testing.T) {
	run := func(command string) (string, error) { return "out of " + command + "\n\n", nil }
	text := "a\n```sh\n$ not run\n```\n```console\n$ one\nold\n$ two\n```\nb\n"
	want := "a\n```sh\n$ not run\n```\n```console\n$ one\nout of one\n$ two\nout of two\n```\nb\n"
	got, commands, err := rerunBlocks(text, run)
	if got != want || commands != 2 || err != nil {
		t.Errorf("got %q, %d commands, %v", got, commands, err)
	}
	if again, _, _ := rerunBlocks(got, run); again != got {
		t.Errorf("a second time gives %q", again)
	}
	fail := func(string) (string, error) { return "usage\n", fmt.Errorf("exit status 2") }
	if _, _, err := rerunBlocks(text, fail); err == nil || !strings.Contains(err.Error(), "$ one") {
		t.Errorf("a command that fails gives %v", err)
	}
	if _, _, err := rerunBlocks("```console\n", run); err == nil {
		t.Error("an open block gives no error")
	}
}
