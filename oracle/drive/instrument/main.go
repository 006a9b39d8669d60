// Command instrument writes copies of the simulator's source that count which way each of its branches went, and the JSON
// file that go build -overlay wants:
//
//	go run ./instrument SIM DIRECTORY    # then: go build -tags branches -overlay DIRECTORY/overlay.json
//
// A scenario that was compared with the kubelet says something only about the branches that it took. The counts tell which
// ones no compared scenario has taken yet.
//
// Every operand of && and ||, and every condition of an if, a for and a switch without a tag, is counted apart for true and
// false. A condition that is itself made with && or || is counted by its operands alone: the last one that was evaluated is
// the value of the whole. The clauses of other switches, a default that is not there, and the bodies of range loops are
// counted when they are entered.
//
// The command refuses to change what the code does, and to move a line: text is inserted into the lines that are there.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// exclusion is source that is no part of the mechanism. An empty function stands for the whole file.
type exclusion struct{ file, function, why string }

// excluded is everything that is not counted. An entry that names nothing is an error.
var excluded = []exclusion{
	{"validate.go", "", "it judges the input before a run, and an input that it refuses has no run to compare"},
	{"config.go", "Validate", "likewise"},
	{"config.go", "check", "likewise"},
	{"config.go", "resolve", "it draws phases for runs with a seed; a compared run is given those of the observation"},
	{"machine.go", "vary", "it draws latencies, likewise"},
	{"guide.go", "", "it leads the replay of what a cluster showed; a compared run has no guide"},
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: instrument SIM DIRECTORY")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "instrument:", err)
		os.Exit(1)
	}
}

// write instruments the package in one folder and leaves the result in another.
func write(source, out string) error {
	names, err := sourceFiles(source)
	if err != nil {
		return err
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	if source, err = filepath.Abs(source); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	p := &instrumented{excluded: excluded, used: make([]bool, len(excluded))}
	replace := map[string]string{} // encoding/json sorts the keys
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return fmt.Errorf("reading the simulator: %w", err)
		}
		if text, err = p.file(name, text); err != nil {
			return err
		}
		changed := filepath.Join(out, name)
		if err := os.WriteFile(changed, text, 0o644); err != nil {
			return err
		}
		replace[filepath.Join(source, name)] = changed
	}
	if err := p.unused(); err != nil {
		return err
	}
	table := filepath.Join(out, tableFile)
	if err := os.WriteFile(table, p.table(), 0o644); err != nil {
		return err
	}
	replace[filepath.Join(source, tableFile)] = table
	text, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "overlay.json"), append(text, '\n'), 0o644)
}

// sourceFiles are the names of the Go files of a folder that are no tests, sorted.
func sourceFiles(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("reading the simulator: %w", err)
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && name != "doc.go" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s holds no Go files", folder)
	}
	if slices.Contains(names, tableFile) {
		return nil, fmt.Errorf("%s is there already; the table needs that name", tableFile)
	}
	return names, nil
}

// unused reports the exclusions that named nothing.
func (p *instrumented) unused() error {
	var problems []error
	for i, used := range p.used {
		if e := p.excluded[i]; !used {
			problems = append(problems, fmt.Errorf("the exclusion of %s %s names nothing", e.file, e.function))
		}
	}
	return errors.Join(problems...)
}
